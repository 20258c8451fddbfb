/* SPDX-License-Identifier: MIT */
#include "gateway.h"

#include <inttypes.h>
#include <stdio.h>

#include "basic/decimal.h"
#include "basic/time-util.h"
#include "ctl/output.h"
#include "ctl/table.h"
#include "shared/log.h"
#include "shared/provider-file.h"

/* One row an attempt; a request that asked nobody, as the cache had its answer, has one of its own. */

typedef enum FieldType {
        FIELD_TEXT,
        FIELD_NUMBER,
        FIELD_FLAG,
        FIELD_TIME,  /* realtime usec: ISO 8601 */
        FIELD_MSEC,  /* usec: milliseconds */
        FIELD_USD,   /* nano-USD */
        FIELD_PRICE, /* pico-USD a token: USD per million; -1 is none of its own */
} FieldType;

static const struct {
        const char *name, *sql;
        FieldType type;
} fields[] = {
        { "request", "r.id", FIELD_NUMBER },
        { "requestId", "r.name", FIELD_TEXT },
        { "time", "r.at", FIELD_TIME },
        { "api", "r.api", FIELD_TEXT },
        { "key", "k.name", FIELD_TEXT },
        { "user", "r.user", FIELD_TEXT },
        { "session", "r.session", FIELD_TEXT },
        { "intent", "r.intent", FIELD_TEXT },
        { "parent", "r.parent", FIELD_NUMBER },
        { "source", "r.source", FIELD_TEXT },
        { "cache", "r.cache", FIELD_TEXT },
        { "stream", "r.stream", FIELD_FLAG },
        { "answered", "r.status", FIELD_NUMBER },
        { "ended", "r.ended", FIELD_TIME },
        { "attempt", "a.n", FIELD_NUMBER },
        { "began", "a.at", FIELD_TIME },
        { "provider", "a.provider", FIELD_TEXT },
        { "model", "a.model", FIELD_TEXT },
        { "status", "a.status", FIELD_NUMBER },
        { "error", "a.error", FIELD_TEXT },
        { "errorText", "a.text", FIELD_TEXT },
        { "firstByteMs", "nullif(a.ttft, 0)", FIELD_MSEC },
        { "totalMs", "a.total", FIELD_MSEC },
        { "tokensIn", "a.tokens_in", FIELD_NUMBER },
        { "tokensOut", "a.tokens_out", FIELD_NUMBER },
        { "tokensCached", "a.tokens_cached", FIELD_NUMBER },
        { "tokensCacheWrite", "a.tokens_cache_write", FIELD_NUMBER },
        { "tokensReasoning", "a.tokens_reasoning", FIELD_NUMBER },
        { "tokensReported", "a.reported", FIELD_FLAG },
        { "cost", "a.cost", FIELD_USD },
        { "priceInput", "p.input", FIELD_PRICE },
        { "priceOutput", "p.output", FIELD_PRICE },
        { "priceCached", "nullif(p.cached, -1)", FIELD_PRICE },
        { "priceCacheWrite", "nullif(p.cache_write, -1)", FIELD_PRICE },
        { "priceReasoning", "nullif(p.reasoning, -1)", FIELD_PRICE },
        { "priceFrom", "p.source", FIELD_TEXT },
};

static char *make_query(void) {
        _cleanup_(freep) char *columns = NULL;

        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (str_replace_printf(&columns, "%s%s%s", columns ? columns : "", columns ? ", " : "", fields[i].sql) < 0)
                        return NULL;
        return str_printf("SELECT %s FROM request r LEFT JOIN attempt a ON a.request = r.id LEFT JOIN gateway_key k ON k.id = r.key "
                          "LEFT JOIN price p ON p.id = a.price WHERE r.at >= ?1 AND r.at < ?2 ORDER BY r.at, r.id, a.n", columns);
}

/* --- CSV (RFC 4180) --- */

static void print_quoted(const char *text) {
        if (!text[strcspn(text, "\",\r\n")]) {
                (void) fputs(text, stdout);
                return;
        }
        (void) putchar('"');
        for (; *text; text++)
                (void) printf("%s%c", *text == '"' ? "\"" : "", *text);
        (void) putchar('"');
}

static void print_cell(sqlite3_stmt *s, int i) {
        int64_t number = sqlite3_column_int64(s, i);
        char time[ISO8601_MAX], decimal[DECIMAL_MAX];

        if (sqlite3_column_type(s, i) == SQLITE_NULL)
                return;
        switch (fields[i].type) {
        case FIELD_TEXT:
                print_quoted(strempty((const char *) sqlite3_column_text(s, i)));
                break;
        case FIELD_NUMBER:
                (void) printf("%" PRId64, number);
                break;
        case FIELD_FLAG:
                (void) fputs(number ? "true" : "false", stdout);
                break;
        case FIELD_TIME:
                (void) fputs(format_iso8601(time, (uint64_t) number), stdout);
                break;
        case FIELD_MSEC:
                (void) fputs(format_decimal(decimal, number, 3), stdout);
                break;
        case FIELD_USD:
                (void) fputs(format_decimal(decimal, number, MONEY_PLACES), stdout);
                break;
        case FIELD_PRICE:
                (void) fputs(format_decimal(decimal, number, PROVIDER_PRICE_PLACES), stdout);
                break;
        }
}

static void print_csv_head(void) {
        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                (void) printf("%s%s", i > 0 ? "," : "", fields[i].name);
        (void) fputs("\r\n", stdout);
}

static int print_csv(sqlite3_stmt *s) {
        for (int i = 0; i < (int) ELEMENTSOF(fields); i++) {
                if (i > 0)
                        (void) putchar(',');
                print_cell(s, i);
        }
        (void) fputs("\r\n", stdout);
        return 0;
}

/* --- JSON lines --- */

/* NULL without memory; *ret_null for what is null. */
static json_object *json_cell(sqlite3_stmt *s, int i) {
        int64_t number = sqlite3_column_int64(s, i);
        char time[ISO8601_MAX];

        switch (fields[i].type) {
        case FIELD_TEXT:
                return json_object_new_string(strempty((const char *) sqlite3_column_text(s, i)));
        case FIELD_FLAG:
                return json_object_new_boolean(number != 0);
        case FIELD_TIME:
                return json_object_new_string(format_iso8601(time, (uint64_t) number));
        case FIELD_MSEC:
                return json_decimal(number, 3);
        case FIELD_USD:
                return json_decimal(number, MONEY_PLACES);
        case FIELD_PRICE:
                return json_decimal(number, PROVIDER_PRICE_PLACES);
        case FIELD_NUMBER:
                break;
        }
        return json_object_new_int64(number);
}

static int print_jsonl(sqlite3_stmt *s) {
        _cleanup_(json_putp) json_object *json = json_object_new_object();
        int r = json ? 0 : -ENOMEM;

        for (int i = 0; i < (int) ELEMENTSOF(fields) && r >= 0; i++)
                if (sqlite3_column_type(s, i) == SQLITE_NULL)
                        r = json_object_object_add(json, fields[i].name, NULL) < 0 ? -ENOMEM : 0;
                else
                        r = json_set(json, fields[i].name, json_cell(s, i));
        return r < 0 ? r : json_print(json);
}

/* --- All of them --- */

static int export(Ledger *ledger, bool csv, uint64_t from, uint64_t to) {
        _cleanup_(statement_finishp) sqlite3_stmt *s = NULL;
        _cleanup_(freep) char *query = make_query();
        int r, printed = 0;

        if (!query)
                return gateway_no_memory();
        r = ledger_ask(ledger, &s, query, "uu", from, to);
        if (r >= 0 && csv)
                print_csv_head();
        while (r >= 0 && printed >= 0 && !ctl_reader_gone() && (r = ledger_next(s)) > 0)
                printed = csv ? print_csv(s) : print_jsonl(s);
        if (r < 0)
                return gateway_failed(r, "cannot read the ledger");
        return printed < 0 ? gateway_failed(printed, "cannot print the ledger") : CTL_OK;
}

int gateway_ledger_export(Ctl *ctl) {
        const char *format = ctl->given[OPTION_FORMAT];
        bool csv = format && streq(format, "csv");
        _cleanup_(ledger_freep) Ledger *ledger = NULL;
        uint64_t from = 0, to = INT64_MAX;
        int status;

        if (format && !csv && !streq(format, "jsonl"))
                return verb_usage(ctl, "--format takes jsonl or csv, not '%s'", format);
        if (verb_time(ctl, OPTION_FROM, &from) != CTL_OK || verb_time(ctl, OPTION_TO, &to) != CTL_OK)
                return CTL_USAGE;
        if (from > to)
                return verb_usage(ctl, "--from is later than --to");
        status = gateway_ledger_open_existing(LEDGER_READ, &ledger);
        return status != CTL_OK ? status : export(ledger, csv, from, to);
}
