// SPDX-License-Identifier: MIT
// Alerts: what was wrong, what was done about it and why not, and the evidence.

import {ALERTS_PATH, request} from "./api.js";
import {badge, el, keyed, setBadge, spaced, write} from "./dom.js";
import {METRICS, ago, measured, moment, plural} from "./format.js";
import {live} from "./live.js";
import {link, serviceLink} from "./router.js";
import {listIn, section} from "./section.js";
import {openSilence} from "./silences.js";
import {facts} from "./timeline.js";

const HISTORY = 100;
const GRADES = {info: "good", warning: "warn", critical: "bad"};
const DEEDS = {
        "restart-service": ["restarted", "restart"],
        "reload-service": ["reloaded", "reload"],
        "switch-provider": ["provider switched", "switch of the provider"],
        "scale-up": ["scaled up", "scaling up"],
        notify: ["people told", "telling people"],
};

export const loadAlerts = (signal, limit = HISTORY) =>
        request("GET", `${ALERTS_PATH}/status`, {query: {limit}, signal});

/* What was done, in one sentence. */
export function deed(alert) {
        const action = alert.remediationAction ?? alert.action,
                [done, doing] = DEEDS[action] ?? [action, action];
        if (alert.suppressedBy) return `Nothing was done: ${alert.service} needs ${alert.suppressedBy}, which is down.`;
        if (alert.remediationRefused) return `Nothing was done: ${alert.remediationRefused.replace(/\.?$/, ".")}`;
        if (alert.wouldDo) return `Tried out only: this would ${alert.wouldDo}.`;
        if (alert.remediation === "under-way") return `Under way: ${doing}.`;
        if (!alert.remediationAttempted) return action === "notify" ? "" : "Nothing was done yet.";
        const tries = alert.remediationAttempts > 1 ? ` ${plural(alert.remediationAttempts, "time")}` : "";
        if (!alert.remediationSuccess)
                return `The ${doing} failed${tries}${alert.remediationError ? `: ${alert.remediationError}` : ""}.`;
        const helped =
                alert.helped === true ? ", and it helped" : alert.helped === false ? ", but it did not help" : "";
        return `${done[0].toUpperCase()}${done.slice(1)}${tries}${helped}.`;
}

function finding(alert) {
        const title = METRICS[alert.metric]?.title ?? alert.metric;
        return `${title}: ${measured(alert.metric, alert.value)}`;
}

/* --- One alert --- */

function before(cause, service) {
        const whose = cause?.service && cause.service !== service ? `${cause.service} ` : "";
        return cause && `${whose}${cause.text} (${Math.round(cause.secondsBefore)} s before)`;
}

/* What became of telling people: "rule-1: done". */
const told = notice =>
        `${notice.rule}: ${notice.state}${notice.refused || notice.error ? ` (${notice.refused || notice.error})` : ""}`;

const words = text => (text ? el("span", {text}) : null);

function evidenceRows(alert) {
        return [
                ["rules", words(alert.rules?.join(", "))],
                ["just before", words(before(alert.precededBy, alert.service))],
                ["services at once", words(alert.group?.join(", "))],
                ["part of", words(alert.foldedInto)],
                ["people told", words(alert.notices?.map(told).join("; "))],
                ["silenced by", words(alert.silencedBy)],
                ["source", words(alert.source === "trigger" ? "tried by hand" : "")],
                ["dry run", words(alert.dryRun ? "yes" : "")],
                ["invocation", alert.invocationId],
                ["in the journal", alert.firstCursor ? `journalctl --cursor='${alert.firstCursor}'` : null],
        ].filter(([, value]) => value);
}

function fillEvidence(box, alert) {
        const parts = [facts(evidenceRows(alert))];
        if (alert.journal?.length)
                parts.push(
                        el("p", {
                                class: "quiet",
                                text: `The last ${plural(alert.journal.length, "line")} of the journal then`,
                        }),
                        el("pre", {
                                class: "journal",
                                tabindex: "0",
                                "aria-label": "Journal lines",
                                text: alert.journal.join("\n"),
                        }),
                );
        else parts.push(el("p", {class: "quiet", text: "No journal lines were kept with it."}));
        box.replaceChildren(...parts);
}

function makeAlert(alert) {
        const evidence = el("div", {class: "evidence"});
        const what = spaced(
                alert.service && el("a", {href: serviceLink(alert.service), text: alert.service}),
                el("span", {class: "value"}),
        );
        const line = spaced(
                badge(GRADES[alert.severity] ?? "warn", alert.severity),
                el("span", {class: "what"}, ...what),
                el("span", {class: "when quiet"}),
                el("span", {class: "deed"}),
        );
        const details = el("details", {}, el("summary", {}, ...line), evidence);
        details.addEventListener("toggle", () => {
                if (details.open) fillEvidence(evidence, details.alert);
        });
        return el(
                "li",
                {class: "alert"},
                details,
                el(
                        "div",
                        {class: "buttons"},
                        el("button", {
                                type: "button",
                                class: "small silence",
                                text: "Silence …",
                                onclick: () => openSilence({service: details.alert.service ?? "", rule: ""}),
                        }),
                ),
        );
}

function updateAlert(item, alert) {
        const details = item.firstChild,
                summary = details.firstChild;
        const changed = JSON.stringify(details.alert) !== JSON.stringify(alert);
        details.alert = alert;
        setBadge(summary.firstChild, GRADES[alert.severity] ?? "warn", alert.severity);
        write(summary.querySelector(".value"), finding(alert));
        write(
                summary.querySelector(".when"),
                alert.status === "resolved"
                        ? `${moment(alert.timestamp)} – ${alert.resolvedAt ? moment(alert.resolvedAt) : "?"}`
                        : `since ${moment(alert.timestamp)}, ${ago(alert.timestamp)}`,
        );
        write(summary.querySelector(".deed"), deed(alert));
        item.querySelector(".buttons").hidden = alert.status === "resolved";
        if (changed && details.open) fillEvidence(details.lastChild, alert);
}

export function fillAlerts(body, alerts, empty) {
        keyed(listIn(body, alerts, "ul", "alerts", empty), alerts, a => a.id, makeAlert, updateAlert);
}

/* --- Sections and the page --- */

export function alertSection(scope, service) {
        return section(scope, {
                title: "Alerts",
                load: signal => loadAlerts(signal),
                fill: (body, {active, history}) =>
                        fillAlerts(
                                body,
                                [...active, ...history].filter(
                                        a => a.service === service || a.group?.includes(service),
                                ),
                                "None, as far back as alerts are kept.",
                        ),
        });
}

/* Short, and of what the WebSocket brings: no request is needed for it. */
export function activeAlerts(scope) {
        const body = el("div"),
                id = "active-alerts";
        const update = () => live.data && fillAlerts(body, live.data.alerts ?? [], "None.");
        scope.listen("update", update);
        update();
        return el(
                "section",
                {"aria-labelledby": id},
                el(
                        "div",
                        {class: "section-head"},
                        el("h2", {id, text: "Active alerts"}),
                        el("a", {class: "more", href: link("alerts"), text: "All alerts"}),
                ),
                body,
        );
}

export function showAlerts(scope, route, root) {
        const past = el("div"),
                pastHeading = el("h2", {text: "Resolved"});
        const part = section(scope, {
                title: "Alerts",
                level: 1,
                load: signal => loadAlerts(signal),
                fill: (body, {active, history, totalHistory}) => {
                        fillAlerts(body, active, "None are active.");
                        fillAlerts(past, history, "None, as far back as they are kept.");
                        write(
                                pastHeading,
                                `Resolved (${history.length < totalHistory ? `${history.length} of ` : ""}${totalHistory})`,
                        );
                },
        });
        root.append(part.element, el("section", {}, el("div", {class: "section-head"}, pastHeading), past));
        return "Alerts";
}
