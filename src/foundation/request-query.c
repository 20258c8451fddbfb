/* SPDX-License-Identifier: MIT */
#include <json-c/json_tokener.h>

#include "foundation/server-internal.h"

#define JSON_DEPTH_MAX 32

/* What handlers ask of a request. */

const char *http_request_method(const HttpRequest *request) {
        return request->method_name;
}

const char *http_request_path(const HttpRequest *request) {
        return request->path;
}

const char *http_request_id(const HttpRequest *request) {
        return request->id;
}

uint64_t http_request_generation(const HttpRequest *request) {
        return route_set_generation(request->set);
}

const char *http_request_param(const HttpRequest *request, const char *name) {
        return route_match_param(&request->match, name);
}

const char *http_request_query(const HttpRequest *request, const char *name) {
        return MHD_lookup_connection_value(request->mhd, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_request_header(const HttpRequest *request, const char *name) {
        return MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, name);
}

const void *http_request_body(const HttpRequest *request, size_t *ret_size) {
        *ret_size = request->body_size;
        return request->body;
}

int http_request_json(HttpRequest *request, json_object **ret) {
        json_tokener *tokener;
        json_object *json;
        enum json_tokener_error error;
        size_t end;

        if (request->body_size == 0) {
                (void) http_reply_error(request, MHD_HTTP_BAD_REQUEST, "BODY_MISSING",
                                        "a JSON object is expected as body");
                return -EBADMSG;
        }
        tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
        if (!tokener)
                return -ENOMEM;
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
        json = json_tokener_parse_ex(tokener, request->body, (int) request->body_size);
        error = json_tokener_get_error(tokener);
        end = json_tokener_get_parse_end(tokener);
        /* A NUL says that nothing follows: of a bare number only that tells the end. */
        if (error == json_tokener_continue) {
                json = json_tokener_parse_ex(tokener, "", 1);
                error = json_tokener_get_error(tokener);
        } else if (error == json_tokener_success && end < request->body_size)
                error = json_tokener_error_parse_unexpected; /* to json-c the text ends at a NUL */
        json_tokener_free(tokener);
        if (error == json_tokener_success && json_object_is_type(json, json_type_object)) {
                *ret = json;
                return 0;
        }
        json_object_put(json);
        if (error == json_tokener_success)
                (void) http_reply_error(request, MHD_HTTP_BAD_REQUEST, "BODY_NOT_OBJECT",
                                        "the body must be a JSON object");
        else
                (void) http_reply_error(request, MHD_HTTP_BAD_REQUEST, "BODY_NOT_JSON",
                                        "the body is not JSON: %s at byte %zu",
                                        error == json_tokener_error_parse_eof ? "it ends early"
                                                                              : json_tokener_error_desc(error),
                                        end);
        return -EBADMSG;
}
