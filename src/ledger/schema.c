/* SPDX-License-Identifier: MIT */
#include "schema.h"

#include "basic/macro.h"

/* Each takes a database from the version that is its place to the next. What stands in one that has been released never
 * changes: a new version gets a new one at the end. */
const char *const ledger_migrations[] = {
        "CREATE TABLE gateway_key (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, hash BLOB NOT NULL UNIQUE, user TEXT,"
        " created INTEGER NOT NULL, revoked INTEGER) STRICT;"
        "CREATE TABLE request (id INTEGER PRIMARY KEY, name TEXT NOT NULL, at INTEGER NOT NULL, api TEXT NOT NULL,"
        " key INTEGER REFERENCES gateway_key, user TEXT, session TEXT, intent TEXT,"
        " parent INTEGER REFERENCES request CHECK (parent < id), source TEXT NOT NULL, cache TEXT NOT NULL,"
        " stream INTEGER NOT NULL, status INTEGER, ended INTEGER) STRICT;"
        "CREATE INDEX request_at ON request (at);"
        "CREATE TABLE price (id INTEGER PRIMARY KEY, provider TEXT NOT NULL, model TEXT NOT NULL, at INTEGER NOT NULL,"
        " input INTEGER NOT NULL, output INTEGER NOT NULL, cached INTEGER NOT NULL, cache_write INTEGER NOT NULL,"
        " reasoning INTEGER NOT NULL, source TEXT NOT NULL) STRICT;"
        "CREATE INDEX price_of ON price (provider, model);"
        "CREATE TABLE attempt (request INTEGER NOT NULL REFERENCES request, n INTEGER NOT NULL, at INTEGER NOT NULL,"
        " provider TEXT NOT NULL, model TEXT NOT NULL, price INTEGER REFERENCES price, status INTEGER, error TEXT,"
        " text TEXT, ttft INTEGER, total INTEGER,"
        " tokens_in INTEGER NOT NULL DEFAULT 0, tokens_out INTEGER NOT NULL DEFAULT 0,"
        " tokens_cached INTEGER NOT NULL DEFAULT 0, tokens_cache_write INTEGER NOT NULL DEFAULT 0,"
        " tokens_reasoning INTEGER NOT NULL DEFAULT 0, reported INTEGER NOT NULL DEFAULT 0, cost INTEGER NOT NULL DEFAULT 0,"
        " PRIMARY KEY (request, n)) STRICT, WITHOUT ROWID;"
        "CREATE INDEX attempt_at ON attempt (at);"
        "CREATE TABLE reservation (request INTEGER NOT NULL, n INTEGER NOT NULL, expires INTEGER NOT NULL,"
        " amount INTEGER NOT NULL, PRIMARY KEY (request, n), FOREIGN KEY (request, n) REFERENCES attempt)"
        " STRICT, WITHOUT ROWID;"
        "CREATE INDEX reservation_expires ON reservation (expires);"
        "CREATE TABLE budget_limit (scope TEXT NOT NULL, subject TEXT NOT NULL, window TEXT NOT NULL, hard INTEGER NOT NULL,"
        " soft INTEGER NOT NULL, PRIMARY KEY (scope, subject, window)) STRICT, WITHOUT ROWID;"
        "CREATE TABLE grade (id INTEGER PRIMARY KEY, request INTEGER NOT NULL REFERENCES request, at INTEGER NOT NULL,"
        " grader TEXT NOT NULL, score REAL NOT NULL CHECK (score BETWEEN 0 AND 1), detail TEXT) STRICT;"
        "CREATE INDEX grade_of ON grade (request);"
        "CREATE TABLE match (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, track TEXT NOT NULL, a TEXT NOT NULL,"
        " b TEXT NOT NULL, winner TEXT NOT NULL CHECK (winner IN ('a', 'b', 'tie')), request INTEGER REFERENCES request)"
        " STRICT;"
        "CREATE TABLE event (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, user TEXT NOT NULL, kind TEXT NOT NULL,"
        " detail TEXT) STRICT;"
        "CREATE INDEX event_of ON event (user, at);"
        "CREATE TABLE spent (scope TEXT NOT NULL, subject TEXT NOT NULL, window TEXT NOT NULL, begins INTEGER NOT NULL,"
        " settled INTEGER NOT NULL, reserved INTEGER NOT NULL, calls INTEGER NOT NULL,"
        " PRIMARY KEY (scope, subject, window, begins)) STRICT, WITHOUT ROWID;",
};
const size_t n_ledger_migrations = ELEMENTSOF(ledger_migrations);
