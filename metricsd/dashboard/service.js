// SPDX-License-Identifier: MIT
// The page of one service.

import {alertSection} from "./alerts.js";
import {badge, el, keyed, setBadge, write} from "./dom.js";
import {errorSection} from "./errors.js";
import {METRICS, bytes, clock, count, milliseconds, percent} from "./format.js";
import {RANGES, loadSeries} from "./history.js";
import {allServices, live} from "./live.js";
import {monitorSection} from "./monitor.js";
import {Chart, canDraw} from "./plots.js";
import {serviceLink} from "./router.js";
import {section} from "./section.js";
import {openSilence} from "./silences.js";
import {KINDS, facts, fillEvents, loadEvents} from "./timeline.js";
import {stateOf, whyOf} from "./verdict.js";

const DEFAULT_RANGE = "1h",
        EVENTS_MAX = 500,
        EVENTS_SHOWN = 40;
const PLOTTED = {
        "service.responseTime": "responseTime",
        "service.memory": "memory",
        "service.cpu": "cpu",
        "service.restarts": "restarts",
};

const find = id => allServices().find(s => s.id === id);

/* --- What it is --- */

function figuresOf(s) {
        return [
                ["Response", milliseconds(s.responseTime)],
                ["Memory", bytes(s.memory)],
                ["CPU", percent(s.cpu)],
                ["Restarts", count(s.restarts)],
                ["Generation", count(s.generation)],
                ["Unit", s.subState ? `${s.unitState} (${s.subState})` : s.unitState],
                ["Port", s.port ? String(s.port) : "–"],
                ["Process", s.pid ? String(s.pid) : "–"],
                ["Last probe", s.lastChecked ? clock(s.lastChecked) : "–"],
        ];
}

function headBox(id) {
        const name = el("h1", {tabindex: "-1", text: id}),
                state = badge("wait", ""),
                why = el("p", {class: "why"});
        const figures = el("dl", {class: "tiles"});
        return {
                element: el(
                        "div",
                        {class: "service-head"},
                        el("p", {class: "crumb"}, el("a", {href: "#/", text: "All services"})),
                        el(
                                "div",
                                {class: "title"},
                                name,
                                el("code", {class: "quiet", text: id}),
                                state,
                                el("button", {
                                        type: "button",
                                        class: "small",
                                        text: "Silence …",
                                        onclick: () => openSilence({service: id, rule: ""}),
                                }),
                        ),
                        why,
                        figures,
                ),
                update(service) {
                        const {grade, word} = stateOf(service);
                        write(name, service.name);
                        setBadge(state, grade, word);
                        write(why, whyOf(service));
                        keyed(
                                figures,
                                figuresOf(service),
                                ([label]) => label,
                                ([label]) => el("div", {}, el("dt", {text: label}), el("dd")),
                                (tile, [, value]) => write(tile.lastChild, value),
                        );
                },
        };
}

const commands = id =>
        el(
                "section",
                {"aria-labelledby": "terminal"},
                el("div", {class: "section-head"}, el("h2", {id: "terminal", text: "In a terminal"})),
                facts([
                        ["its log", `toolooctl logs ${id} -f`],
                        ["restart it", `toolooctl restart ${id}`],
                        ["what systemd knows", `systemctl --user status tooloo-${id}`],
                ]),
        );

/* --- The plots --- */

const rangeLinks = (id, current) =>
        el(
                "div",
                {class: "ranges", role: "group", "aria-label": "Time shown"},
                ...Object.entries(RANGES).map(([name, {text}]) =>
                        el("a", {
                                href: serviceLink(id, {range: name}),
                                text,
                                "aria-current": name === current ? "true" : null,
                        }),
                ),
        );

const legend = () =>
        el(
                "p",
                {class: "legend quiet"},
                "Marks: ",
                ...Object.entries(KINDS)
                        .filter(([, k]) => k.letter)
                        .flatMap(([kind, {letter, word}]) => [
                                el(
                                        "span",
                                        {class: `mark kind-${kind}`},
                                        el("b", {class: "letter", text: letter}),
                                        ` ${word.toLowerCase()}`,
                                ),
                                " ",
                        ]),
                "· the line is the average of a step, the band from its lowest to its highest",
        );

function plotsBox(scope, id, range) {
        const charts = Object.keys(PLOTTED).map(metric => new Chart({metric, ...METRICS[metric]}));
        let appended = 0;
        scope.add(() => charts.forEach(chart => chart.end()));

        const part = section(scope, {
                title: "Figures",
                actions: [rangeLinks(id, range)],
                follow: false,
                load: signal => Promise.all(charts.map(c => loadSeries(id, c.metric, range, live.beat, signal))),
                fill(body, series) {
                        if (!body.firstChild) {
                                if (!canDraw)
                                        body.append(
                                                el("p", {
                                                        class: "quiet no-plots",
                                                        text:
                                                                "Tables stand in place of plots, for this metricsd was " +
                                                                "built without uPlot: packaging/fetch-npm gets it, and the next build draws.",
                                                }),
                                        );
                                body.append(
                                        el("div", {class: "charts"}, ...charts.map(c => c.element)),
                                        canDraw ? legend() : "",
                                );
                        }
                        charts.forEach((chart, i) => chart.set(series[i]));
                },
        });

        // What comes between two beats is a change of state, and would count its figures twice.
        scope.listen("update", () => {
                const service = find(id),
                        now = Date.parse(live.told);
                if (!service || !charts[0].series || now - appended < live.beat * 0.6) return;
                appended = now;
                for (const chart of charts) {
                        chart.series.append(now, service[PLOTTED[chart.metric]]);
                        chart.update();
                }
        });
        scope.listen("state", () => live.state === "live" && part.refresh());
        return {element: part.element, mark: events => charts.forEach(chart => chart.setMarks(events))};
}

export function showService(scope, {id, query}, root) {
        const range = query.get("range") in RANGES ? query.get("range") : DEFAULT_RANGE;
        const head = headBox(id),
                plots = plotsBox(scope, id, range);
        const events = section(scope, {
                title: "Timeline",
                load: signal =>
                        loadEvents({service: id, from: `-${RANGES[range].span / 60000}min`, limit: EVENTS_MAX}, signal),
                fill(body, answer) {
                        plots.mark(answer.events);
                        fillEvents(body, answer.events.slice(0, EVENTS_SHOWN), {withService: false});
                },
        });
        const update = () => {
                const service = find(id);
                if (service) head.update(service);
                else if (live.data) write(head.element.querySelector(".why"), `There is no service “${id}” now.`);
        };
        root.append(
                head.element,
                plots.element,
                el(
                        "div",
                        {class: "halves"},
                        el("div", {}, alertSection(scope, id).element, errorSection(scope, {service: id}).element),
                        el("div", {}, events.element, commands(id)),
                ),
        );
        if (id === "metricsd") root.append(monitorSection(scope).element);
        scope.listen("update", update);
        update();
        return find(id)?.name ?? id;
}
