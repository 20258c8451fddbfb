// SPDX-License-Identifier: MIT
// What watching costs, and whether each part of it works: a section of metricsd's own page.

import {METRICS_PATH, request} from "./api.js";
import {badge, el} from "./dom.js";
import {bytes, count, moment, percent} from "./format.js";
import {section} from "./section.js";
import {facts} from "./timeline.js";

function row(collector) {
        return el(
                "tr",
                {},
                el("th", {scope: "row", text: collector.name}),
                el(
                        "td",
                        {},
                        badge(collector.ok ? "good" : "bad", collector.ok ? "works" : "fails"),
                        collector.error ? el("span", {class: "why", text: collector.error}) : null,
                ),
                ...[
                        count(collector.runs),
                        count(collector.failures),
                        count(collector.cpuMs),
                        collector.lastSuccess ? moment(collector.lastSuccess) : "never",
                ].map(text => el("td", {class: "number", text})),
        );
}

function fill(body, {collectors, history, self}) {
        const head = ["Collector", "State", "Runs", "Failures", "CPU, ms", "Last success"];
        const kept =
                history &&
                (history.ok ? `${count(history.samples)} samples in ${bytes(history.fileBytes)}` : history.problem);
        const each = history?.bytesPerSample ? `, ${count(history.bytesPerSample)} bytes each` : "";
        const open = body.contains(document.activeElement);
        if (open) return; // somebody reads in it
        body.replaceChildren(
                facts([
                        ["history", el("span", {text: `${kept ?? "–"}${each}`})],
                        [
                                "its own cost",
                                el("span", {text: `${percent(self?.cpuPercent)} of one core, ${bytes(self?.memory)}`}),
                        ],
                ]),
                el(
                        "div",
                        {class: "scroll", tabindex: "0", role: "region", "aria-label": "Collectors"},
                        el(
                                "table",
                                {class: "figures", "aria-label": "Collectors"},
                                el(
                                        "thead",
                                        {},
                                        el(
                                                "tr",
                                                {},
                                                ...head.map((text, i) =>
                                                        el("th", {scope: "col", class: i > 1 ? "number" : null, text}),
                                                ),
                                        ),
                                ),
                                el("tbody", {}, ...(collectors ?? []).map(row)),
                        ),
                ),
        );
}

export const monitorSection = scope =>
        section(scope, {
                title: "What it watches with",
                load: signal => request("GET", `${METRICS_PATH}/collectors`, {signal}),
                fill,
        });
