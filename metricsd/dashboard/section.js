// SPDX-License-Identifier: MIT
// Parts of a page: what they listen to ends with the page, and what a request cannot bring says why.

import {el, write} from "./dom.js";
import {listen} from "./live.js";

/* What ends when another page is shown: listeners, requests in flight. */
export class Scope {
        #abort = new AbortController();
        #ends = [];

        get signal() {
                return this.#abort.signal;
        }

        add(end) {
                this.#ends.push(end);
        }

        listen(kind, listener) {
                this.add(listen(kind, listener));
        }

        end() {
                this.#abort.abort();
                for (const end of this.#ends.splice(0)) end();
        }
}

let sections = 0;

function build({title, level, actions}) {
        const id = `section-${++sections}`,
                body = el("div", {class: "section-body"});
        const problem = el("p", {class: "unavailable", hidden: true});
        const element = el(
                "section",
                {"aria-labelledby": id, "aria-busy": "true"},
                el("div", {class: "section-head"}, el(`h${level}`, {id, tabindex: "-1", text: title}), ...actions),
                problem,
                body,
        );
        body.append(el("p", {class: "quiet", text: "Loading …"}));
        return {element, problem, body};
}

/* A section that load(signal) brings the content of and fill(body, content) shows, at once and at each piece of news. What
 * was there stays when a later request fails. */
export function section(scope, {title, level = 2, actions = [], load, fill, follow = true}) {
        const part = build({title, level, actions});
        let filled = false,
                asked = 0;

        async function refresh() {
                const turn = ++asked;
                try {
                        const content = await load(scope.signal);
                        if (turn !== asked || scope.signal.aborted) return;
                        if (!filled) part.body.replaceChildren();
                        filled = true;
                        part.problem.hidden = true;
                        fill(part.body, content);
                } catch (error) {
                        if (turn !== asked || scope.signal.aborted) return;
                        if (error.status === undefined)
                                // not an answer, but a fault of this page
                                throw error;
                        if (!filled) part.body.replaceChildren();
                        write(
                                part.problem,
                                `${filled ? "Cannot be brought up to date" : "Not available"}: ${error.message}`,
                        );
                        part.problem.hidden = false;
                } finally {
                        if (turn === asked) part.element.setAttribute("aria-busy", "false");
                }
        }

        if (follow) scope.listen("news", refresh);
        refresh();
        return {element: part.element, refresh};
}

/* The list in a section's body or, when items is empty, one quiet line in its place. */
export function listIn(body, items, name, classes, empty) {
        let list = body.querySelector(":scope > .list"),
                none = body.querySelector(":scope > .none");
        if (!list) {
                list = el(name, {class: `list ${classes}`});
                none = el("p", {class: "none quiet"});
                body.append(none, list);
        }
        write(none, empty);
        none.hidden = items.length > 0;
        list.hidden = items.length === 0;
        return list;
}
