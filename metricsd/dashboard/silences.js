// SPDX-License-Identifier: MIT
// Silences: a time in which no action is taken. The section on the page of the rules, and the dialog that makes one.

import {ALERTS_PATH, request} from "./api.js";
import {notice, openForm, openQuestion} from "./dialog.js";
import {el, keyed, write} from "./dom.js";
import {moment} from "./format.js";
import {allServices} from "./live.js";
import {listIn, section} from "./section.js";

const PATH = `${ALERTS_PATH}/silences`;

// Whoever shows the list, when one is added from elsewhere.
const shown = new Set();
const refreshShown = () => Promise.all([...shown].map(refresh => refresh()));

export function serviceOptions() {
        return [["", "every service"], ...allServices().map(s => [s.id, `${s.id} – ${s.name}`])];
}

/* The rules are asked for first, so that one can be chosen. */
export async function openSilence({service, rule}) {
        let rules = [];
        try {
                ({rules} = await request("GET", `${ALERTS_PATH}/rules`));
        } catch (error) {
                if (error.status === undefined) throw error;
        }
        openForm({
                title: "Silence alerts",
                action: "Silence",
                fields: [
                        {name: "service", label: "Service", kind: "select", options: serviceOptions(), value: service},
                        {
                                name: "rule",
                                label: "Rule",
                                kind: "select",
                                options: [["", "every rule"], ...rules.map(r => [r.id, r.id])],
                                value: rule,
                        },
                        {
                                name: "until",
                                label: "For how long, or until when",
                                value: "2h",
                                help: "Such as 30min, 2h, 1d, or a date as 2026-01-31T08:15:30Z. At most 30 days: a silence always ends.",
                        },
                        {
                                name: "reason",
                                label: "Reason",
                                prose: true,
                                help: "For whoever wonders why nothing is done.",
                        },
                ],
                async submit(values) {
                        await request("POST", PATH, {
                                body: Object.fromEntries(Object.entries(values).filter(([, v]) => v !== "")),
                        });
                        notice("The silence has begun.");
                        await refreshShown();
                },
        });
}

function makeSilence() {
        return el(
                "li",
                {class: "silence"},
                el("p", {}, el("b"), " ", el("span"), " ", el("span", {class: "quiet"})),
                el("button", {type: "button", class: "small", text: "End …"}),
        );
}

function updateSilence(item, silence) {
        const [what, reason, until] = item.firstChild.children,
                button = item.lastChild;
        const whom = silence.service ?? "every service",
                name = silence.rule ? `${whom}, rule ${silence.rule}` : whom;
        write(what, name);
        write(reason, silence.reason);
        write(until, `until ${moment(silence.until)}`);
        button.setAttribute("aria-label", `End the silence of ${name} …`);
        button.onclick = () =>
                openQuestion({
                        title: "End this silence?",
                        text: `Rules act on ${name} again.`,
                        action: "End it",
                        async act() {
                                await request("DELETE", `${PATH}/${encodeURIComponent(silence.id)}`);
                                notice("The silence has ended.");
                                await refreshShown();
                        },
                });
}

export function silenceSection(scope) {
        const add = el("button", {
                type: "button",
                text: "Add a silence …",
                onclick: () => openSilence({service: "", rule: ""}),
        });
        const part = section(scope, {
                title: "Silences",
                actions: [add],
                load: signal => request("GET", PATH, {signal}),
                fill(body, {silences}) {
                        keyed(
                                listIn(body, silences, "ul", "silences", "None: every rule that is enabled acts."),
                                silences,
                                s => s.id,
                                makeSilence,
                                updateSilence,
                        );
                },
        });
        shown.add(part.refresh);
        scope.add(() => shown.delete(part.refresh));
        return part.element;
}
