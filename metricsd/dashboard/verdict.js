// SPDX-License-Identifier: MIT
// What state a service is in and how the whole is, in words. It knows no document.

import {milliseconds, plural} from "./format.js";

/* By `condition`: grade (the shape and colour), the word in a table, and how a sentence goes on after the name. */
const CONDITIONS = {
        ok: ["good", "healthy", "is healthy"],
        wedged: ["bad", "wedged", "is wedged"],
        "port-taken": ["bad", "port taken", "has lost its port to another program"],
        "no-ready": ["warn", "not ready", "answers but has not said that it is ready"],
        starting: ["wait", "starting", "is starting"],
        failed: ["bad", "failed", "has failed"],
        stopped: ["off", "stopped", "is stopped"],
        degraded: ["warn", "degraded", "is degraded"],
};
// Where there is no condition the status has to do.
const STATUSES = {healthy: CONDITIONS.ok, degraded: CONDITIONS.degraded, offline: ["bad", "offline", "is offline"]};
// To the server one on its way down is on its way, too.
const STOPPING = ["wait", "stopping", "is stopping"];
const OTHER = ["wait", "unknown", "is in a state that this page does not know"];

export function stateOf(service) {
        const stopping = service.condition === "starting" && service.unitState === "deactivating";
        const [grade, word, clause] = stopping
                ? STOPPING
                : (CONDITIONS[service.condition] ?? STATUSES[service.status] ?? OTHER);
        return {grade, word, clause, ok: service.status === "healthy"};
}

// Why it is not well, or what was wrong with it just now; "" for nothing to say.
export const whyOf = service => service.explanation || service.error || "";

function join(clauses) {
        if (clauses.length < 2) return clauses.join("");
        return `${clauses.slice(0, -1).join(", ")} and ${clauses.at(-1)}`;
}

/* Two are named, the rest is counted. */
function naming(services) {
        const named = services.slice(0, services.length > 3 ? 2 : 3).map(s => `${s.id} ${stateOf(s).clause}`);
        if (services.length > named.length) named.push(`${services.length - named.length} more are not well`);
        return join(named);
}

function gradeOf(unwell, alerts, monitor) {
        if (unwell.some(s => stateOf(s).grade === "bad")) return "bad";
        if (unwell.length > 0 || alerts.some(a => a.severity !== "info") || monitor.length > 0) return "warn";
        return "good";
}

/* Of the dashboard's data: {grade, sentence, unwell:[services that are not healthy, the control plane's after them]}. */
export function verdict(data) {
        const {healthy, total} = data.stats.serviceHealth;
        const control = data.control ?? [],
                alerts = data.alerts ?? [],
                monitor = data.monitor?.problems ?? [];
        const fleet = data.services.filter(s => !stateOf(s).ok),
                others = control.filter(s => !stateOf(s).ok);
        const unwell = [...fleet, ...others];
        let sentence;
        if (total === 0) return {grade: "off", sentence: "There are no services: tooloo.target wants none.", unwell};
        if (healthy === total)
                sentence = total === 1 ? "The one service is healthy" : `All ${total} services are healthy`;
        else sentence = `${healthy} of ${total} services are healthy: ${naming(fleet)}`;
        if (others.length > 0) sentence += `${healthy === total ? ", but " : "; "}${naming(others)}`;
        else if (healthy === total && alerts.length > 0)
                sentence += `; ${plural(alerts.length, "alert is", "alerts are")} active`;
        return {grade: gradeOf(unwell, alerts, monitor), sentence: `${sentence}.`, unwell};
}

/* The second line: what one would ask next. */
export function aside(data) {
        const {avgResponseTime, maxResponseTime} = data.stats.performance,
                control = data.control ?? [],
                parts = [];
        if (avgResponseTime !== null)
                parts.push(
                        `They answer in ${milliseconds(avgResponseTime)} on average, ${milliseconds(maxResponseTime)} at most.`,
                );
        if (control.length > 0 && control.every(s => stateOf(s).ok))
                parts.push(`The control plane (${join(control.map(s => s.id))}) is healthy.`);
        return parts.join(" ");
}
