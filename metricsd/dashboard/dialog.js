// SPDX-License-Identifier: MIT
// Dialogs with a form. What is wrong with a field the server says, and it is shown at that field.

import {el, write} from "./dom.js";

let dialogs = 0;

export function notice(text) {
        write(document.getElementById("notice"), text);
}

/* --- Fields --- */

function makeControl(field, id) {
        const {kind = "text", name, value = "", options = []} = field;
        const common = {id, name, "aria-describedby": `${id}-help ${id}-problem`};
        switch (kind) {
                case "select":
                        return el(
                                "select",
                                common,
                                ...options.map(([v, text]) => el("option", {value: v, text, selected: v === value})),
                        );
                case "checkbox":
                        return el("input", {...common, type: "checkbox", checked: value === true});
                case "lines": {
                        const area = el("textarea", {...common, rows: "3", spellcheck: "false"});
                        area.value = value;
                        return area;
                }
                default: {
                        const input = el("input", {
                                ...common,
                                type: "text",
                                autocomplete: "off",
                                spellcheck: field.prose ? null : "false",
                                inputmode: kind === "number" ? "decimal" : null,
                        });
                        input.value = value;
                        return input;
                }
        }
}

function makeField(field, prefix) {
        const id = `${prefix}-${field.name}`,
                control = makeControl(field, id);
        const label = el("label", {for: id, text: field.label});
        const help = el("p", {class: "help", id: `${id}-help`, text: field.help ?? ""});
        const problem = el("p", {class: "problem", id: `${id}-problem`});
        const element = el(
                "div",
                {class: `field ${field.wide ? "wide" : field.kind === "checkbox" ? "check" : ""}`},
                ...(field.kind === "checkbox" ? [control, label] : [label, control]),
                help,
                problem,
        );
        if (!field.help) help.hidden = true;
        return {...field, control, help, problem, element};
}

function valuesOf(fields) {
        return Object.fromEntries(
                fields.map(f => [f.name, f.kind === "checkbox" ? f.control.checked : f.control.value.trim()]),
        );
}

function clearProblems(fields, general) {
        write(general, "");
        for (const f of fields) {
                write(f.problem, "");
                f.control.removeAttribute("aria-invalid");
        }
}

/* "actionParams.serviceId" is the field "service" where a form says so by `names`. */
function showProblem(fields, general, error) {
        const at = fields.find(f => error.field && (f.name === error.field || f.names?.includes(error.field)));
        if (!at) {
                write(general, error.message);
                general.focus();
                return;
        }
        at.element.closest("details")?.setAttribute("open", "");
        write(at.problem, error.message);
        at.control.setAttribute("aria-invalid", "true");
        at.control.focus();
}

/* --- Dialogs --- */

// The browser gives the focus back to the button that was pressed, but that may be gone with what it stood for.
function leave(dialog) {
        dialog.remove();
        if (document.activeElement === document.body) document.querySelector("main h1")?.focus();
}

/* Opens a form. fields: {name, label, kind?: "text|number|select|checkbox|lines", value?, options?: [[value, text]], help?,
 * wide?, more?: among what is folded away, names?: what the server calls it besides}. submit(values) is awaited; the dialog
 * closes after it, and stays with the reason when it throws. changed(values, fields by name) follows what is entered. */
export function openForm({title, fields: descriptions, action, submit, changed}) {
        const prefix = `dialog-${++dialogs}`,
                fields = descriptions.map(d => makeField(d, prefix));
        const byName = Object.fromEntries(fields.map(f => [f.name, f]));
        const general = el("p", {class: "problem general", tabindex: "-1", role: "alert"});
        const send = el("button", {type: "submit", class: "primary", text: action});
        const more = fields.filter(f => f.more);
        const form = el(
                "form",
                {method: "dialog", novalidate: true},
                el("h2", {id: `${prefix}-title`, text: title}),
                general,
                el("div", {class: "fields"}, ...fields.filter(f => !f.more).map(f => f.element)),
                more.length
                        ? el(
                                  "details",
                                  {class: "more-fields"},
                                  el("summary", {text: "More settings"}),
                                  el("div", {class: "fields"}, ...more.map(f => f.element)),
                          )
                        : null,
                el(
                        "div",
                        {class: "buttons"},
                        el("button", {type: "button", text: "Cancel", onclick: () => dialog.close()}),
                        send,
                ),
        );
        const dialog = el("dialog", {"aria-labelledby": `${prefix}-title`, onclose: () => leave(dialog)}, form);
        const follow = () => changed?.(valuesOf(fields), byName);

        form.addEventListener("input", follow);
        form.addEventListener("submit", async event => {
                event.preventDefault();
                if (send.getAttribute("aria-disabled")) return;
                clearProblems(fields, general);
                send.setAttribute("aria-disabled", "true"); // which, unlike disabled, leaves the focus where it is
                try {
                        await submit(valuesOf(fields));
                        dialog.close();
                } catch (error) {
                        if (error.status === undefined) throw error;
                        showProblem(fields, general, error);
                } finally {
                        send.removeAttribute("aria-disabled");
                }
        });
        document.body.append(dialog);
        follow();
        dialog.showModal();
}

/* Asks before something is gone; act() is awaited as submit above. */
export function openQuestion({title, text, action, act}) {
        openForm({title, fields: [], action, submit: act});
        document.querySelector("dialog[open] h2").after(el("p", {text}));
}
