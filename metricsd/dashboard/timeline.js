// SPDX-License-Identifier: MIT
// What has happened: the list of events, and its page.

import {METRICS_PATH, request} from "./api.js";
import {el, keyed, spaced, write} from "./dom.js";
import {clock, count, duration, longDay, moment} from "./format.js";
import {allServices} from "./live.js";
import {link, serviceLink} from "./router.js";
import {listIn, section} from "./section.js";

const PAGE = 100,
        MOST = 500;

/* Kinds: the word, and the letter that marks it on plots (those that have one are drawn there). */
export const KINDS = {
        state: {word: "State"},
        restart: {word: "Restart", letter: "R"},
        reload: {word: "Reload", letter: "L"},
        build: {word: "Build", letter: "B"},
        alert: {word: "Alert", letter: "A"},
        remediation: {word: "Repair"},
        monitor: {word: "Monitor"},
};
// Of restarts; that of a change of state is the state again.
const CAUSES = {
        crash: "a crash",
        oom: "out of memory",
        watchdog: "the watchdog",
        person: "a person",
        metricsd: "metricsd",
        reload: "a reload",
        unknown: "not known",
};

export const loadEvents = (query, signal) => request("GET", `${METRICS_PATH}/timeline`, {query, signal});

const kindOf = event => KINDS[event.kind] ?? {word: event.kind};

/* What an event carries beyond its text, as [name, value]. */
function evidence(event) {
        const rows = CAUSES[event.cause] ? [["cause", el("span", {text: CAUSES[event.cause]})]] : [];
        for (const [name, value] of Object.entries(event.detail ?? {}))
                if (value !== null && value !== "")
                        rows.push([
                                name,
                                /ms$/i.test(name) && Number.isFinite(value)
                                        ? duration(Math.round(value))
                                        : typeof value === "object"
                                          ? JSON.stringify(value)
                                          : String(value),
                        ]);
        if (event.invocationId) rows.push(["invocation", event.invocationId]);
        if (event.cursor) rows.push(["in the journal", `journalctl --cursor='${event.cursor}'`]);
        return rows;
}

export function facts(rows) {
        return el(
                "dl",
                {class: "facts"},
                ...rows.flatMap(([name, value]) => [
                        el("dt", {text: name}),
                        el("dd", {}, typeof value === "string" ? el("code", {text: value}) : value),
                ]),
        );
}

function makeEvent(event, withService) {
        const rows = evidence(event),
                kind = kindOf(event);
        const what = el("span", {class: "what"});
        if (withService && event.service)
                what.append(el("a", {href: serviceLink(event.service), text: event.service}), " ");
        what.append(event.text ?? "");
        const line = spaced(
                el("time", {datetime: event.at, title: moment(event.at), text: clock(event.at)}),
                el("span", {class: `kind kind-${event.kind}`, text: kind.word}),
                what,
        );
        return rows.length === 0
                ? el("li", {class: "event"}, el("div", {class: "line"}, ...line))
                : el("li", {class: "event"}, el("details", {}, el("summary", {class: "line"}, ...line), facts(rows)));
}

/* Events as a list with a heading for each day; those that stay keep their place, and whether they are open. */
export function fillEvents(body, events, {withService = true, empty = "Nothing has happened in this time."} = {}) {
        const list = listIn(body, events, "ol", "events", empty),
                rows = [];
        let last = "";
        for (const event of events) {
                const day = longDay(event.at);
                if (day !== last) rows.push({id: `day ${day}`, day});
                last = day;
                rows.push(event);
        }
        keyed(
                list,
                rows,
                row => row.id,
                row => (row.day ? el("li", {class: "day", text: row.day}) : makeEvent(row, withService)),
        );
}

/* --- The page --- */

/* Choosing changes the address, and that the page. */
function choice(label, value, change) {
        const select = el("select", {onchange: () => change(select.value)});
        const fill = options => {
                keyed(
                        select,
                        options,
                        ([v]) => v,
                        ([v, text]) => el("option", {value: v, text}),
                );
                select.value = value;
        };
        return {element: el("label", {class: "inline"}, `${label} `, select), fill};
}

function serviceChoice(scope, value, change) {
        const {element, fill} = choice("Service", value, change);
        const update = () => {
                const ids = new Set([...allServices().map(s => s.id), ...(value ? [value] : [])]);
                fill([["", "all"], ...[...ids].map(id => [id, id])]);
        };
        scope.listen("update", update);
        update();
        return element;
}

function kindChoice(value, change) {
        const {element, fill} = choice("Kind", value, change);
        fill([["", "all"], ...Object.entries(KINDS).map(([kind, {word}]) => [kind, word])]);
        return element;
}

export function showTimeline(scope, {query}, root) {
        const service = query.get("service") ?? "",
                kind = query.get("kind") ?? "";
        const goTo = change => {
                location.hash = link(
                        "timeline",
                        null,
                        Object.fromEntries(Object.entries({service, kind, ...change}).filter(([, value]) => value)),
                );
        };
        let limit = PAGE;
        const more = el("button", {
                type: "button",
                text: "Show more",
                hidden: true,
                onclick: () => {
                        limit = MOST;
                        part.refresh();
                },
        });
        const shown = el("p", {class: "quiet"});
        const part = section(scope, {
                title: "Timeline",
                level: 1,
                actions: [
                        serviceChoice(scope, service, value => goTo({service: value})),
                        kindChoice(kind, value => goTo({kind: value})),
                ],
                load: signal => loadEvents({service, kind, limit, from: "-30d"}, signal),
                fill: (body, {events, total}) => {
                        fillEvents(body, events);
                        write(
                                shown,
                                total > events.length ? `The newest ${count(events.length)} of ${count(total)}.` : "",
                        );
                        more.hidden = limit === MOST || total <= events.length;
                },
        });
        root.append(part.element, shown, more);
        return "Timeline";
}
