/* SPDX-License-Identifier: MIT */
#include "choices.h"

#include "basic/decimal.h"
#include "basic/time-util.h"
#include "foundation/json-util.h"

Choice *choices_add(Choices *c) {
        Choice *choice = c->ring + c->next;

        c->next = (c->next + 1) % CHOICES_MAX;
        c->n = MIN(c->n + 1, (size_t) CHOICES_MAX);
        *choice = (Choice) {};
        return choice;
}

/* Exact to the nano: json-c would print what a double makes of it. */
static json_object *usd(int64_t nano) {
        char text[DECIMAL_MAX];

        return json_object_new_double_s((double) nano / 1e9, format_decimal(text, nano, 9));
}

json_object *choice_to_json(const Choice *choice) {
        json_object *json = json_object_new_object();

        if (json && json_add(json, "providerId", json_object_new_string(choice->provider)) &&
            json_add(json, "model", json_object_new_string(choice->model)) &&
            json_add(json, "estimatedCost", usd(choice->figures.cost)) &&
            json_add(json, "priced", json_object_new_boolean(choice->figures.priced)) &&
            json_add(json, "score", json_rounded(choice->figures.score)) &&
            json_add(json, "reasons", choose_reasons(&choice->figures, choice->n, choice->price_weight)))
                return json;
        json_object_put(json);
        return NULL;
}

json_object *choices_to_json(const Choices *c, size_t limit) {
        json_object *all = json_object_new_array();

        for (size_t i = 1; all && i <= MIN(c->n, limit); i++) {
                const Choice *choice = c->ring + ((c->next + CHOICES_MAX - i) % CHOICES_MAX);
                json_object *json = choice_to_json(choice);
                char at[ISO8601_MAX];

                if (!json || !json_add(json, "at", json_object_new_string(format_iso8601(at, choice->at))) ||
                    !json_add(json, "requestId", json_object_new_string(choice->request)) ||
                    !json_add(json, "attempt", json_object_new_int64(choice->attempt)) ||
                    json_object_array_add(all, json) < 0) {
                        json_object_put(json);
                        json_object_put(all);
                        return NULL;
                }
        }
        return all;
}
