// SPDX-License-Identifier: MIT
// Providers of models: who does best, what they cost, how much of each budget is gone, and what runs right now. All of it is
// reports' and budget's, so it is there where the page came through web.

import {address, request} from "./api.js";
import {badge, el, keyed, setBadge, write, writeAttribute} from "./dom.js";
import {clock, count, milliseconds, moment, percent, plural} from "./format.js";
import {Series} from "./history.js";
import {Chart, canDraw} from "./plots.js";
import {listIn, section} from "./section.js";

const DAY = 86400000,
        DAYS = 30,
        ROWS = 50,
        CHARTS = 6, // providers, those that cost most
        REFRESH_MS = 2000; // what calls have changed is asked for again that often at most
const GRADES = {healthy: "good", degraded: "warn", failing: "bad"};

const share = n => (n === null || n === undefined ? "–" : percent(100 * n));

/* Money has digits as far as they say something: a call costs a fraction of a cent. */
export function dollars(usd) {
        if (usd === null || usd === undefined || !Number.isFinite(usd)) return "–";
        if (usd === 0) return "$0";
        const digits = usd >= 1 ? 2 : Math.min(9, 2 - Math.floor(Math.log10(usd)));
        return `$${usd.toFixed(digits)}`;
}

/* --- Who does best --- */

const COLUMNS = [
        ["Score", row => count(row.scores.overall)],
        ["Latency", row => count(row.scores.latency)],
        ["Success", row => count(row.scores.success)],
        ["Cost", row => count(row.scores.cost)],
        ["Calls", row => count(row.metrics.requestsProcessed)],
        ["Succeeded", row => share(row.metrics.successRate)],
        ["p50", row => milliseconds(row.metrics.p50)],
        ["p95", row => milliseconds(row.metrics.p95)],
        ["p99", row => milliseconds(row.metrics.p99)],
        ["per 1k tokens", row => dollars(row.metrics.costPer1kTokens)],
        ["Cost in all", row => dollars(row.metrics.totalCost)],
];

function makeStanding() {
        return el(
                "tr",
                {},
                el("td", {class: "number rank", "data-label": "Rank"}),
                el("th", {scope: "row"}, el("span", {class: "name"}), el("small", {class: "quiet note"})),
                el("td", {}, badge("off", "")),
                ...COLUMNS.map(([name]) => el("td", {class: "number", "data-label": name})),
        );
}

function fillStanding(tr, row) {
        writeAttribute(tr, "data-provider", row.name);
        write(tr.cells[0], row.rank === null ? "–" : String(row.rank));
        write(tr.querySelector(".name"), row.name);
        write(tr.querySelector(".note"), row.note ?? "");
        setBadge(tr.querySelector(".badge"), GRADES[row.status] ?? "off", row.status.replaceAll("-", " "));
        COLUMNS.forEach(([, text], i) => write(tr.cells[i + 3], text(row)));
}

function standings() {
        const heads = ["Rank", "Provider", "State", ...COLUMNS.map(([name]) => name)];
        return el(
                "table",
                {class: "services standings list", "aria-label": "Leaderboard"},
                el(
                        "thead",
                        {},
                        el(
                                "tr",
                                {},
                                ...heads.map((text, i) =>
                                        el("th", {scope: "col", class: i > 2 ? "number" : null, text}),
                                ),
                        ),
                ),
                el("tbody"),
        );
}

function fillLeaderboard(body, {leaderboard, hint, formula}) {
        if (!body.firstElementChild)
                body.append(
                        el("p", {class: "none quiet"}),
                        el(
                                "div",
                                {class: "panel scroll-x", tabindex: "0", role: "region", "aria-label": "Leaderboard"},
                                standings(),
                        ),
                        el("p", {class: "quiet formula"}),
                );
        const [none, panel, how] = body.children;
        write(none, hint ?? "No call has been made in the last 30 days.");
        none.hidden = leaderboard.length > 0;
        panel.hidden = how.hidden = leaderboard.length === 0;
        keyed(panel.querySelector("tbody"), leaderboard, row => row.name, makeStanding, fillStanding);
        write(how, `Score = ${formula.overall}. Of the last ${DAYS} days.`);
}

/* --- Budgets --- */

const titleOf = limit =>
        `${limit.scope === "total" ? "all calls" : `${limit.scope} ${limit.subject}`}, a ${limit.window}`;

function makeLimit() {
        return el(
                "li",
                {class: "limit"},
                el(
                        "div",
                        {class: "limit-head"},
                        el("b", {class: "what"}),
                        badge("good", ""),
                        el("span", {class: "quiet left"}),
                ),
                el("progress", {max: "100"}),
        );
}

function fillLimit(li, limit) {
        const [grade, word] = limit.blocked
                ? ["bad", "used up"]
                : limit.warning
                  ? ["warn", "over the soft limit"]
                  : ["good", "within"];
        const bar = li.querySelector("progress"),
                title = titleOf(limit);
        write(li.querySelector(".what"), title);
        setBadge(li.querySelector(".badge"), grade, word);
        write(
                li.querySelector(".left"),
                `${dollars(limit.used + limit.reserved)} of ${dollars(limit.limit)} (${percent(limit.percent)}), anew at ${moment(limit.resets)}`,
        );
        writeAttribute(bar, "class", grade);
        writeAttribute(bar, "aria-label", title);
        writeAttribute(bar, "value", String(Math.min(100, limit.percent)));
}

function fillBudgets(body, {limits}) {
        const list = listIn(
                body,
                limits,
                "ul",
                "limits panel",
                "No limit is set: toolooctl budget --set total=5/day sets one.",
        );
        keyed(list, limits, limit => `${limit.scope}/${limit.subject}/${limit.window}`, makeLimit, fillLimit);
}

/* --- Days --- */

const DRAWN = [
        {field: "totalCost", title: "cost a day", text: dollars},
        {field: "p95", title: "latency, 95th percentile", text: milliseconds},
];

/* The points of a provider as a series of days; one without calls is a gap. */
function daysOf(points, field) {
        const series = new Series(field, DAYS * DAY, DAY, DAY);
        for (const point of points) series.append(Date.parse(point.at), point[field] ?? null);
        return series;
}

function makeCharts(provider, scope) {
        const charts = DRAWN.map(
                ({field, title, text}) =>
                        new Chart({metric: `${field} ${provider}`, title: `${provider}: ${title}`, text}),
        );
        for (const chart of charts) scope.add(() => chart.end());
        return charts;
}

function chartFiller(scope) {
        const drawn = new Map();
        return (body, {trends}) => {
                const costOf = trend => trend.points.reduce((sum, point) => sum + (point.totalCost ?? 0), 0);
                const shown = [...trends].sort((a, b) => costOf(b) - costOf(a)).slice(0, CHARTS);
                const list = listIn(body, shown, "div", "charts", "No call has been made in the last 30 days.");
                for (const {provider} of shown) {
                        if (drawn.has(provider)) continue;
                        const charts = makeCharts(provider, scope);
                        drawn.set(provider, charts);
                        list.append(...charts.map(chart => chart.element));
                }
                for (const {provider, points} of shown)
                        drawn.get(provider).forEach((chart, i) => chart.set(daysOf(points, DRAWN[i].field)));
        };
}

/* --- What runs --- */

const outcome = call => (call.error ? ["bad", call.error] : ["good", `${call.status}`]);

function makeCall() {
        return el(
                "tr",
                {},
                el("td", {class: "number when"}),
                el("th", {scope: "row"}),
                el("td", {}, badge("wait", "")),
                el("td", {class: "number took"}),
                el("td", {class: "number tokens"}),
                el("td", {class: "number cost"}),
        );
}

function fillCall(tr, call) {
        const ended = call.total !== undefined;
        write(tr.cells[0], clock(call.startedAt));
        write(tr.cells[1], `${call.provider}/${call.model}`);
        setBadge(tr.querySelector(".badge"), ...(ended ? outcome(call) : ["wait", "running"]));
        write(tr.cells[3], ended ? milliseconds(call.total) : "");
        write(tr.cells[4], ended ? count((call.tokensIn ?? 0) + (call.tokensOut ?? 0)) : "");
        write(tr.cells[5], ended ? dollars(call.cost) : "");
}

function callTable() {
        const heads = ["Began", "Model", "State", "Took", "Tokens", "Cost"];
        return el(
                "table",
                {class: "figures calls list", "aria-label": "Calls"},
                el(
                        "thead",
                        {},
                        el(
                                "tr",
                                {},
                                ...heads.map((text, i) =>
                                        el("th", {scope: "col", class: i > 2 || i === 0 ? "number" : null, text}),
                                ),
                        ),
                ),
                el("tbody"),
        );
}

function callBox() {
        const sum = el("p", {class: "quiet running"}),
                table = callTable();
        const element = el(
                "section",
                {"aria-labelledby": "calls-title"},
                el("div", {class: "section-head"}, el("h2", {id: "calls-title", tabindex: "-1", text: "Calls"}), sum),
                el("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Calls, table"}, table),
        );
        return {
                element,
                lose: text => write(sum, text),
                fill({running, ended}) {
                        const calls = [...running, ...ended].slice(0, ROWS);
                        write(sum, calls.length === 0 ? "none yet" : `${plural(running.length, "call")} running`);
                        keyed(table.tBodies[0], calls, call => `${call.request}/${call.n}`, makeCall, fillCall);
                },
        };
}

/* Each event is the whole of it. The browser connects again by itself; what it is not let in to, it does not ask again. */
function follow(scope, box, changed) {
        const source = new EventSource(address("api/v1/providers/realtime"));
        let waiting = 0,
                known = "";
        scope.add(() => source.close());
        scope.add(() => clearTimeout(waiting));
        source.addEventListener("status", event => {
                const status = JSON.parse(event.data),
                        sign = JSON.stringify([status.ended[0], status.budget]);
                box.fill(status);
                if (sign === known) return;
                if (known && !waiting)
                        waiting = setTimeout(() => {
                                waiting = 0;
                                changed();
                        }, REFRESH_MS);
                known = sign;
        });
        source.addEventListener("error", () =>
                box.lose(
                        source.readyState === EventSource.CLOSED
                                ? "not available: the service budget does not tell"
                                : "not connected; trying again",
                ),
        );
}

export function showProviders(scope, route, root) {
        const ask = (path, query) => signal => request("GET", path, {query, signal});
        const parts = [
                section(scope, {
                        title: "Providers",
                        level: 1,
                        load: ask("api/v1/reports/provider-performance", {limit: ROWS}),
                        fill: fillLeaderboard,
                }),
                section(scope, {title: "Budgets", load: ask("api/v1/budget"), fill: fillBudgets}),
                section(scope, {
                        title: canDraw ? "Days" : "Days, as tables",
                        load: ask("api/v1/reports/provider-trends", {limit: DAYS}),
                        fill: chartFiller(scope),
                }),
        ];
        const calls = callBox();
        root.append(parts[0].element, parts[1].element, calls.element, parts[2].element);
        follow(scope, calls, () => parts.forEach(part => part.refresh()));
        return "Providers";
}
