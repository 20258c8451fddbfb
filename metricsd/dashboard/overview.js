// SPDX-License-Identifier: MIT
// The first page: how it is in one sentence, then every service.

import {activeAlerts} from "./alerts.js";
import {badge, el, keyed, setBadge, setShape, shape, spaced, write} from "./dom.js";
import {bytes, count, milliseconds, percent} from "./format.js";
import {live} from "./live.js";
import {link, serviceLink} from "./router.js";
import {section} from "./section.js";
import {Sparklines, drawSparkline, makeSparkline} from "./sparkline.js";
import {fillEvents, loadEvents} from "./timeline.js";
import {aside, stateOf, verdict, whyOf} from "./verdict.js";

const EVENTS = 8,
        EVENTS_ASKED = 60;
const GROUPS = {
        infrastructure: "Infrastructure",
        core: "Core",
        extended: "Extended",
        integration: "Integration",
        control: "Control plane",
};

/* --- The verdict --- */

function makeTrouble() {
        return el("li", {}, badge("off", ""), el("p", {}, el("a"), ": ", el("span")));
}

function updateTrouble(item, service) {
        const {grade, word} = stateOf(service),
                [name, why] = item.lastChild.children;
        setBadge(item.firstChild, grade, word);
        name.href = serviceLink(service.id);
        write(name, service.id);
        write(why, whyOf(service));
}

function verdictBox() {
        const mark = shape("wait"),
                sentence = el("h1", {tabindex: "-1", text: "Waiting for the first figures …"});
        const more = el("p", {class: "quiet"}),
                troubles = el("ul", {class: "troubles"});
        const box = el(
                "section",
                {class: "verdict wait", "aria-label": "Verdict"},
                mark,
                el("div", {}, sentence, more, troubles),
        );
        return {
                element: box,
                update(data) {
                        const v = verdict(data);
                        box.className = `verdict ${v.grade}`;
                        setShape(mark, v.grade);
                        write(sentence, v.sentence);
                        write(more, aside(data));
                        troubles.hidden = v.unwell.length === 0;
                        keyed(troubles, v.unwell, s => s.id, makeTrouble, updateTrouble);
                },
        };
}

/* --- The services --- */

const COLUMNS = [
        ["State"],
        ["Response", "number"],
        ["Memory", "number"],
        ["CPU", "number"],
        ["Restarts", "number"],
        ["Generation", "number"],
];

// On a phone a row is a card, and its roles would go with display: table-row.
function makeHead() {
        return el(
                "thead",
                {role: "rowgroup", "data-key": " "},
                el(
                        "tr",
                        {role: "row"},
                        ...[["Service"], ...COLUMNS].map(([text, name]) =>
                                el("th", {role: "columnheader", scope: "col", class: name, text}),
                        ),
                ),
        );
}

function makeRow(service) {
        const cells = COLUMNS.map(([label, name]) =>
                el("td", {role: "cell", class: name, "data-label": label}, el("span")),
        );
        cells[0].replaceChildren(badge("off", ""));
        cells[1].prepend(makeSparkline());
        return el(
                "tr",
                {role: "row", "data-id": service.id},
                el(
                        "th",
                        {role: "rowheader", scope: "row"},
                        ...spaced(el("a", {href: serviceLink(service.id)}), el("small"), el("span", {class: "why"})),
                ),
                ...cells,
        );
}

function updateRow(row, service) {
        const {grade, word} = stateOf(service),
                [head, state, ...rest] = row.cells,
                [name, about, why] = head.children;
        write(name, service.id);
        write(about, service.port ? `${service.port} · ${service.name}` : service.name);
        write(why, stateOf(service).ok ? whyOf(service) : ""); // else it stands at the top
        setBadge(state.firstChild, grade, word);
        const texts = [
                milliseconds(service.responseTime),
                bytes(service.memory),
                percent(service.cpu),
                count(service.restarts),
                count(service.generation),
        ];
        rest.forEach((cell, i) => write(cell.lastChild, texts[i]));
}

function grouped(data) {
        const services = [...data.services, ...(data.control ?? []).map(s => ({...s, category: "control"}))];
        const names = [...new Set([...Object.keys(GROUPS), ...services.map(s => s.category)])];
        return names
                .map(category => ({category, services: services.filter(s => s.category === category)}))
                .filter(group => group.services.length > 0);
}

function makeGroup({category}) {
        return el(
                "tbody",
                {role: "rowgroup", "data-id": category},
                el(
                        "tr",
                        {role: "row", class: "group", "data-key": " "},
                        el("th", {
                                role: "rowheader",
                                scope: "rowgroup",
                                colspan: COLUMNS.length + 1,
                                text: GROUPS[category] ?? category,
                        }),
                ),
        );
}

function servicesBox(scope) {
        const table = el("table", {role: "table", class: "services", "aria-labelledby": "services-title"}, makeHead());
        const lines = new Sparklines();
        const rows = () => [...table.querySelectorAll("tr[data-id]")];
        const draw = row => drawSparkline(row.querySelector(".spark"), lines.of(row.dataset.id));
        let asked = false;

        function updateGroup(body, {services}) {
                keyed(
                        body,
                        [null, ...services],
                        s => (s ? s.id : " "),
                        makeRow,
                        (row, s) => s && updateRow(row, s),
                );
        }

        return {
                element: el(
                        "section",
                        {"aria-labelledby": "services-title"},
                        el("h2", {id: "services-title", class: "unseen", text: "Services"}),
                        el("div", {class: "panel"}, table),
                ),
                update(data) {
                        const groups = grouped(data);
                        keyed(
                                table,
                                [null, ...groups],
                                g => (g ? g.category : " "),
                                makeGroup,
                                (body, g) => g && updateGroup(body, g),
                        );
                        lines.append(Date.parse(live.told), [...data.services, ...(data.control ?? [])]);
                        rows().forEach(draw);
                        if (!asked) {
                                asked = true;
                                lines.load(
                                        rows().map(row => row.dataset.id),
                                        scope.signal,
                                        id =>
                                                rows()
                                                        .filter(row => row.dataset.id === id)
                                                        .forEach(draw),
                                );
                        }
                },
        };
}

// A restart says all that the states on its way would say again.
const matters = event => event.kind !== "state" || !["ok", "starting"].includes(event.cause);

export function showOverview(scope, route, root) {
        const top = verdictBox(),
                services = servicesBox(scope);
        const events = section(scope, {
                title: "Latest changes",
                actions: [el("a", {class: "more", href: link("timeline"), text: "Timeline"})],
                load: signal => loadEvents({limit: EVENTS_ASKED}, signal),
                fill: (body, {events}) =>
                        fillEvents(body, events.filter(matters).slice(0, EVENTS), {empty: "Nothing in the last hour."}),
        });
        const update = () => {
                if (!live.data) return;
                top.update(live.data);
                services.update(live.data);
        };
        root.append(
                top.element,
                el(
                        "div",
                        {class: "columns"},
                        services.element,
                        el("div", {class: "aside"}, activeAlerts(scope), events.element),
                ),
        );
        scope.listen("update", update);
        update();
        return "Services";
}
