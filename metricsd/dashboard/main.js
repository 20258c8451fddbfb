// SPDX-License-Identifier: MIT
// Begins: the connection, which page is shown, and what stands on all of them.

import {showAlerts} from "./alerts.js";
import {notice} from "./dialog.js";
import {el, keyed, write} from "./dom.js";
import {showErrors} from "./errors.js";
import {ago, clock, plural} from "./format.js";
import {listen, live, reconnectNow, start} from "./live.js";
import {showOverview} from "./overview.js";
import {canDraw} from "./plots.js";
import {showProviders} from "./providers.js";
import {parse} from "./router.js";
import {showRules} from "./rules.js";
import {Scope} from "./section.js";
import {showService} from "./service.js";
import {showTimeline} from "./timeline.js";
import {verdict} from "./verdict.js";

const NAME = "TooLoo control room";
const PAGES = {
        services: showOverview,
        service: showService,
        alerts: showAlerts,
        rules: showRules,
        errors: showErrors,
        timeline: showTimeline,
        providers: showProviders,
};
const byId = id => document.getElementById(id);

/* --- Pages --- */

let scope = new Scope(),
        title = "";

function showMissing(_, route, root) {
        root.append(
                el("h1", {tabindex: "-1", text: "There is no such page"}),
                el("p", {}, el("a", {href: "#/", text: "All services"})),
        );
        return "No such page";
}

function markMenu(name) {
        for (const a of byId("menu").querySelectorAll("a")) {
                const there = parse(a.hash).name,
                        current = there === name || (there === "services" && name === "service");
                a.toggleAttribute("aria-current", current);
                if (current) a.setAttribute("aria-current", there === name ? "page" : "true");
        }
}

/* The focus goes to the new page's heading, so that it is read and the next Tab goes on from there; but a change of what
 * one page shows, by a control that is made anew, gives it back to that control. */
function focusOn(root, before) {
        const again =
                before &&
                [...root.querySelectorAll("a, select")].find(
                        e =>
                                e.textContent === before.text &&
                                e.parentElement.className === before.parent &&
                                e.tagName === before.tag,
                );
        (again ?? root.querySelector("h1"))?.focus({preventScroll: Boolean(again)});
}

let shown = null;

function showPage() {
        const route = parse(location.hash),
                root = byId("content"),
                active = document.activeElement;
        const same = shown && shown.name === route.name && shown.id === route.id;
        const before =
                same && root.contains(active)
                        ? {tag: active.tagName, text: active.textContent, parent: active.parentElement.className}
                        : null;
        scope.end();
        scope = new Scope();
        notice("");
        document.querySelectorAll("dialog").forEach(dialog => dialog.close());
        root.replaceChildren();
        title = (PAGES[route.name] ?? showMissing)(scope, route, root);
        markMenu(route.name);
        writeTitle();
        if (shown) {
                if (!same) scrollTo(0, 0);
                focusOn(root, before);
        }
        shown = route;
}

/* --- What stands on all pages --- */

const ICONS = {
        good: ["#1a7f37", "<circle cx='8' cy='8' r='7'/>"],
        warn: ["#bf8700", "<path d='M8 1 15.6 14.5H.4z'/>"],
        bad: ["#cf222e", "<rect x='1' y='1' width='14' height='14' rx='2'/>"],
        off: ["#6e7781", "<circle cx='8' cy='8' r='5' fill='none' stroke='#6e7781' stroke-width='3'/>"],
};
let icon = "";

// Among many tabs the icon is all that one sees.
function writeIcon(grade) {
        if (icon === grade) return;
        icon = grade;
        const [color, drawing] = ICONS[grade];
        byId("icon").href = `data:image/svg+xml,${encodeURIComponent(
                `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="${color}">${drawing}</svg>`,
        )}`;
}

function writeTitle() {
        const {healthy, total} = live.data?.stats.serviceHealth ?? {},
                page = title === "Services" ? "" : `${title} – `;
        document.title = total === undefined ? `${page}${NAME}` : `${page}${healthy}/${total} healthy – ${NAME}`;
}

function update() {
        const {sentence, grade} = verdict(live.data),
                alerts = live.data.alerts?.length ?? 0;
        write(byId("spoken"), sentence); // read aloud when it is another one
        write(byId("connection"), `live · ${clock(live.told)}`);
        write(byId("alert-count"), String(alerts));
        byId("alert-count").hidden = alerts === 0;
        byId("alert-count").title = plural(alerts, "active alert");
        writeTitle();
        writeIcon(grade);
        updateMonitor(live.data.monitor?.problems ?? []);
}

/* What metricsd says of itself: who watches may be ill, too. */
function updateMonitor(problems) {
        const box = byId("monitor");
        box.hidden = problems.length === 0;
        keyed(
                box,
                problems,
                text => text,
                text => el("p", {}, el("b", {text: "The monitor itself: "}), text),
        );
}

let counting = 0;

function writeLost() {
        const [text] = byId("lost").children;
        write(
                text,
                live.at === 0
                        ? "metricsd does not answer; trying again. Nothing has been received yet."
                        : `Not connected since ${clock(live.since)}; trying again. What you see is from ${clock(live.told)}, ${ago(live.at)}.`,
        );
}

function updateState() {
        const lost = live.state === "lost";
        byId("lost").hidden = !lost;
        byId("connection").className = `connection ${live.state}`;
        document.body.classList.toggle("stale", lost);
        clearInterval(counting);
        if (!lost) return;
        write(byId("connection"), live.at === 0 ? "not connected" : `stale since ${clock(live.since)}`);
        write(byId("spoken"), "The connection is lost. What is shown is no longer up to date.");
        writeLost();
        counting = setInterval(writeLost, 1000);
}

document.querySelector(".skip").addEventListener("click", event => {
        event.preventDefault(); // addresses behind the '#' are pages here
        byId("content").focus();
});
byId("lost").lastElementChild.addEventListener("click", reconnectNow);
byId("plots-by").hidden = !canDraw;
byId("connection").classList.add(live.state);
listen("update", update);
listen("state", updateState);
addEventListener("hashchange", showPage);
showPage();
start();
