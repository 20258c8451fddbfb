// SPDX-License-Identifier: MIT
// Numbers and times as people read them. What is not known is a dash, never a nought.

const NONE = "–";
const known = value => value !== null && value !== undefined && Number.isFinite(Number(value));

export function milliseconds(ms) {
        if (!known(ms)) return NONE;
        return ms < 10
                ? `${ms.toFixed(2)} ms`
                : ms < 100
                  ? `${ms.toFixed(1)} ms`
                  : ms < 10000
                    ? `${Math.round(ms)} ms`
                    : `${(ms / 1000).toFixed(1)} s`;
}

export function bytes(n) {
        if (!known(n)) return NONE;
        const units = ["B", "KiB", "MiB", "GiB", "TiB"];
        let i = 0;
        for (; n >= 1024 && i < units.length - 1; i++) n /= 1024;
        return `${i > 0 && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

export const percent = n => (known(n) ? `${n < 10 ? n.toFixed(1) : Math.round(n)} %` : NONE);
export const count = n => (known(n) ? Number(n).toLocaleString("en-GB", {maximumFractionDigits: 2}) : NONE);
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;
const withUnit = unit => n => `${count(n)} ${unit}`; // on axes, whose values are round

/* What the metrics of rules and of the history are: their words, and how a value is written. */
export const METRICS = {
        "service.responseTime": {title: "Response time", unit: "ms", text: milliseconds, axis: withUnit("ms")},
        "service.health": {
                title: "Health",
                unit: "1 healthy, 0.5 degraded, 0 offline",
                text: count,
                word: n => (n >= 1 ? "healthy" : n > 0 ? "degraded" : "offline"),
        },
        "service.restarts": {title: "Restarts", unit: "since metricsd follows the fleet", text: count},
        "service.memory": {title: "Memory", unit: "bytes", text: bytes},
        "service.cpu": {title: "CPU", unit: "% of one core", text: percent, axis: withUnit("%")},
        "service.errorRate": {title: "Error rate", unit: "0 to 1", text: count},
        "service.requests": {title: "Requests", unit: "", text: count},
        "service.errors": {title: "Errors", unit: "", text: count},
        "service.generation": {title: "Generation", unit: "", text: count},
        "reload.failed": {title: "Failed reload", unit: "1 failed, 0 not", text: count},
        "journal.errors": {title: "Errors in the journal", unit: "lines", text: count},
        "provider.successRate": {title: "Provider success rate", unit: "0 to 1", text: count},
        "provider.latency": {title: "Provider latency", unit: "ms", text: milliseconds, axis: withUnit("ms")},
        "budget.percent": {title: "Budget used", unit: "%", text: percent, axis: withUnit("%")},
};

/* A value that was measured, in a word where it has one. */
export const measured = (metric, value) => (METRICS[metric]?.word ?? METRICS[metric]?.text ?? count)(value);

/* One that a rule compares with, in all its digits. */
export function threshold(metric, value) {
        const text = value.toLocaleString("en-GB", {maximumFractionDigits: 12});
        if (metric === "service.memory") return value < 1024 ? `${text} bytes` : `${text} bytes (${bytes(value)})`;
        return METRICS[metric]?.axis ? `${text} ${METRICS[metric].unit.split(" ")[0]}` : text;
}

/* --- Times: 24 hours and English months, whatever the browser's country, as the rest of the page is English --- */

const format = options => new Intl.DateTimeFormat("en-GB", options);
const CLOCK = format({hour: "2-digit", minute: "2-digit", second: "2-digit"});
const MINUTE = format({hour: "2-digit", minute: "2-digit"});
const DAY = format({day: "numeric", month: "short"});
const LONG_DAY = format({weekday: "long", day: "numeric", month: "long", year: "numeric"});

export const clock = when => CLOCK.format(new Date(when));
export const minute = when => MINUTE.format(new Date(when));
export const day = when => DAY.format(new Date(when));
export const longDay = when => LONG_DAY.format(new Date(when));

// The day only when it is not today.
export function moment(when) {
        const date = new Date(when);
        return date.toDateString() === new Date().toDateString() ? clock(date) : `${day(date)} ${minute(date)}`;
}

/* 90000 -> "1min 30s", in the form in which durations are entered, too. */
export function duration(ms) {
        if (!known(ms)) return NONE;
        const parts = [];
        for (const [unit, size] of [
                ["d", 86400000],
                ["h", 3600000],
                ["min", 60000],
                ["s", 1000],
                ["ms", 1],
        ])
                if (ms >= size) {
                        parts.push(`${Math.floor(ms / size)}${unit}`);
                        ms %= size;
                }
        return parts.join(" ") || "0s";
}

/* The largest unit alone: "3 min ago". */
export function ago(when, now = Date.now()) {
        const seconds = Math.max(0, Math.round((now - new Date(when)) / 1000));
        for (const [unit, size] of [
                ["d", 86400],
                ["h", 3600],
                ["min", 60],
        ])
                if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
        return `${seconds} s ago`;
}
