# SPDX-License-Identifier: MIT
"""The ledger of model calls as a test sees it: rows put in and figures taken out, past everything that the services do."""
import sqlite3
import time
from contextlib import contextmanager

DAY = 86400 * 1000000
TABLES = ("reservation", "attempt", "grade", "match", "event", "request", "price", "budget_limit", "gateway_key", "setting",
          "spent")


def now_usec():
    return time.time_ns() // 1000


def today():
    return now_usec() // DAY


class Ledger:
    """The file must have been made by a service."""

    def __init__(self, directory):
        self.db = sqlite3.connect(directory / "ledger.db", timeout=30, isolation_level=None)
        self.db.execute("PRAGMA synchronous = OFF")

    def close(self):
        self.db.close()

    @contextmanager
    def transaction(self):
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.db.execute("ROLLBACK")  # or else everybody waits for us
            raise
        self.db.execute("COMMIT")

    def empty(self):
        with self.transaction():
            for table in TABLES:
                self.db.execute(f"DELETE FROM {table}")

    def empty_spent(self):
        self.db.execute("DELETE FROM spent")

    def insert(self, table, rows, conflict=""):
        """Rows are dicts with the same keys; all of them in one transaction."""
        rows = list(rows)
        if not rows:
            return
        names = list(rows[0])
        marks = ", ".join("?" for _ in names)
        sql = f"INSERT INTO {table} ({', '.join(f'[{n}]' for n in names)}) VALUES ({marks}) {conflict}"
        with self.transaction():
            self.db.executemany(sql, [tuple(row[n] for n in names) for row in rows])

    def all(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def seed(self, calls):
        """Requests with their attempts, and what is derived of them."""
        self.insert("request", [{key: call[key] for key in REQUEST} for call in calls])
        self.insert("attempt", [{"request": call["id"], "n": n} | attempt
                                for call in calls for n, attempt in enumerate(call["attempts"], 1)])
        self.derive(calls)

    def derive(self, calls):
        """Without keys: no test here has one."""
        sums = {}
        for call in calls:
            for attempt in call["attempts"]:
                for scope, subject in ("total", ""), ("user", call["user"]), ("provider", attempt["provider"]):
                    if subject is None:
                        continue
                    for window, begins in windows(attempt["at"]).items():
                        row = sums.setdefault((scope, subject, window, begins), [0, 0])
                        row[0] += attempt["cost"]
                        row[1] += 1
        self.insert("spent", [{"scope": scope, "subject": subject, "window": window, "begins": begins, "settled": settled,
                               "reserved": 0, "calls": n} for (scope, subject, window, begins),
                               (settled, n) in sums.items()],
                    "ON CONFLICT DO UPDATE SET settled = settled + excluded.settled, calls = calls + excluded.calls")


REQUEST = ("id", "name", "at", "api", "key", "user", "session", "intent", "parent", "source", "cache", "stream", "status",
           "ended")


def windows(at):
    """Where the windows begin that hold a time."""
    t = time.gmtime(at // 1000000)
    month = at // 1000000 - (t.tm_mday - 1) * 86400 - t.tm_hour * 3600 - t.tm_min * 60 - t.tm_sec
    return {"minute": at // 60000000 * 60000000, "day": at // DAY * DAY, "month": month * 1000000}


def attempt(at, provider="p", model="m", error=None, total=100000, tokens_in=0, tokens_out=0, cost=0, status=200,
            price=None):
    return {"at": at, "provider": provider, "model": model, "price": price, "status": status, "error": error, "text": None,
            "ttft": 0, "total": total, "tokens_in": tokens_in, "tokens_out": tokens_out, "tokens_cached": 0,
            "tokens_cache_write": 0, "tokens_reasoning": 0, "reported": 1, "cost": cost}


def call(id, at, user=None, session=None, status=200, took=100000, attempts=(), source="v1", cache="none"):
    return {"id": id, "name": f"r{id}", "at": at, "api": "openai", "key": None, "user": user, "session": session,
            "intent": None,
            "parent": None, "source": source, "cache": cache, "stream": 0, "status": status,
            "ended": None if status is None else at + took, "attempts": list(attempts)}
