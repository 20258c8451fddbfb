// SPDX-License-Identifier: MIT
// Making and changing elements. Text is only ever text: nothing in this page parses what a service said as HTML.

const SVG = "http://www.w3.org/2000/svg";

/* el("a", {class: "x", href: "#/", text: "y"}, child, ...): attributes by name, but for "text" and handlers ("onclick"). A
 * child that is null is left out, a string is text. */
export function el(name, attributes = {}, ...children) {
        const e = document.createElement(name);
        for (const [key, value] of Object.entries(attributes)) {
                if (value === undefined || value === null || value === false) continue;
                if (key === "text") e.textContent = value;
                else if (key.startsWith("on")) e.addEventListener(key.slice(2), value);
                else e.setAttribute(key, value === true ? "" : value);
        }
        e.append(...children.filter(child => child !== null && child !== undefined && child !== false));
        return e;
}

export function svg(name, attributes = {}, ...children) {
        const e = document.createElementNS(SVG, name);
        for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
        e.append(...children);
        return e;
}

// Whoever hears or copies a line hears and copies words, where CSS alone would set them apart.
export const spaced = (...parts) => parts.filter(Boolean).flatMap((part, i) => (i > 0 ? [" ", part] : [part]));

// Screen readers, selections and the focus keep their place when only what is different is written.
export function write(e, text) {
        if (e.textContent !== text) e.textContent = text;
}

export function writeAttribute(e, name, value) {
        if (value === null || value === undefined || value === false) e.removeAttribute(name);
        else if (e.getAttribute(name) !== String(value)) e.setAttribute(name, value);
}

/* Makes the children of parent one for each item, in their order: those that stay are kept, and what has the focus with
 * them. key(item) tells items apart; make(item) returns a child, update(child, item) fills it. */
export function keyed(parent, items, key, make, update = () => {}) {
        const old = new Map([...parent.children].map(child => [child.dataset.key, child]));
        let place = parent.firstElementChild;
        for (const item of items) {
                const k = String(key(item));
                let child = old.get(k);
                if (child) old.delete(k);
                else {
                        child = make(item);
                        child.dataset.key = k;
                }
                update(child, item);
                if (child === place) place = place.nextElementSibling;
                else parent.insertBefore(child, place);
        }
        for (const child of old.values()) child.remove();
}

// One of the symbols in index.html: what a colour says, a shape says, too.
export function shape(name) {
        return svg("svg", {class: `shape ${name}`, "aria-hidden": "true"}, svg("use", {href: `#shape-${name}`}));
}

export function setShape(e, name) {
        writeAttribute(e, "class", `shape ${name}`);
        writeAttribute(e.firstChild, "href", `#shape-${name}`);
}

// A word with its shape: what state something is in.
export function badge(grade, word) {
        return el("span", {class: `badge ${grade}`}, shape(grade), el("span", {text: word}));
}

export function setBadge(e, grade, word) {
        writeAttribute(e, "class", `badge ${grade}`);
        setShape(e.firstChild, grade);
        write(e.lastChild, word);
}
