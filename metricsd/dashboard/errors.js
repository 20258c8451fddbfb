// SPDX-License-Identifier: MIT
// Errors from the journal, the same ones of a service together.

import {METRICS_PATH, request} from "./api.js";
import {badge, el, keyed, spaced, write} from "./dom.js";
import {count, moment} from "./format.js";
import {serviceLink} from "./router.js";
import {listIn, section} from "./section.js";
import {facts} from "./timeline.js";

const LIMIT = 200;
const PRIORITIES = ["emergency", "alert", "critical", "error"];

const loadErrors = (service, signal) =>
        request("GET", `${METRICS_PATH}/errors`, {query: {service, limit: LIMIT}, signal});

function evidence(error) {
        return facts(
                [
                        ["as logged", error.sample],
                        ["level", PRIORITIES[error.priority] ?? String(error.priority ?? "")],
                        ["message id", error.messageId],
                        ["function", error.codeFunc],
                        ["in the journal", error.cursor ? `journalctl --cursor='${error.cursor}'` : null],
                ].filter(([, value]) => value),
        );
}

function makeError(error, withService) {
        const what = spaced(
                error.new && badge("warn", "new"),
                withService && el("a", {href: serviceLink(error.service), text: error.service}),
                el("span", {class: "message", text: error.message}),
                el("span", {class: "seen quiet"}),
        );
        const line = spaced(el("span", {class: "times"}), el("span", {class: "what"}, ...what));
        return el("li", {class: "event"}, el("details", {}, el("summary", {class: "line"}, ...line), evidence(error)));
}

function updateError(item, error) {
        write(item.querySelector(".times"), `${count(error.count)} ×`);
        write(
                item.querySelector(".seen"),
                error.count === 1
                        ? `at ${moment(error.firstSeen)}`
                        : `last at ${moment(error.lastSeen)}, first at ${moment(error.firstSeen)}`,
        );
}

export function fillErrors(body, {errors, complete, why}, withService = true) {
        const list = listIn(
                body,
                errors,
                "ol",
                "events errors",
                complete === false ? "None are known." : "No errors in the journal.",
        );
        let gap = body.querySelector(":scope > .incomplete");
        if (!gap) body.prepend((gap = el("p", {class: "incomplete"})));
        gap.hidden = complete !== false;
        write(gap, `Not all of them: ${why ?? "some of the journal could not be read"}.`.replace(/\.\.$/, "."));
        // What is new, and which sample was kept, is part of what makes it the same row.
        keyed(
                list,
                errors,
                e => `${e.service} ${e.fingerprint} ${e.new}`,
                e => makeError(e, withService),
                updateError,
        );
}

export function errorSection(scope, {service = "", level = 2, title = "Errors"} = {}) {
        return section(scope, {
                title,
                level,
                load: signal => loadErrors(service, signal),
                fill: (body, answer) => fillErrors(body, answer, !service),
        });
}

export function showErrors(scope, route, root) {
        root.append(
                errorSection(scope, {level: 1}).element,
                el(
                        "p",
                        {class: "quiet"},
                        "Lines of level error and above, numbers and ids in them left out of the comparison. ",
                        el("em", {text: "New"}),
                        " is what was first seen since the service's running generation began.",
                ),
        );
        return "Errors";
}
