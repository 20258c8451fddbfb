// SPDX-License-Identifier: MIT
// The page of rules and silences.

import {request} from "./api.js";
import {notice, openQuestion} from "./dialog.js";
import {badge, el, keyed, setBadge, write} from "./dom.js";
import {METRICS, duration, threshold} from "./format.js";
import {ACTIONS, RULES_PATH, openRule, ownFields} from "./rule-editor.js";
import {listIn, section} from "./section.js";
import {openSilence, silenceSection} from "./silences.js";

const STATES = {
        ok: ["good", "ok"],
        pending: ["wait", "pending"],
        firing: ["bad", "firing"],
        disabled: ["off", "disabled"],
        "no data yet": ["off", "no data"],
};
const SIGNS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"};

function condition(rule) {
        const title = METRICS[rule.metric]?.title ?? rule.metric,
                value = threshold(rule.metric, rule.threshold);
        return `${title} ${SIGNS[rule.operator] ?? rule.operator} ${value}${rule.for ? ` for ${duration(rule.for)}` : ""}`;
}

function consequence(rule) {
        const whom = rule.service ? `of ${rule.service}` : "of any service",
                then = ACTIONS[rule.action] ?? rule.action;
        return `${whom}: ${then}, ${rule.severity}${rule.dryRun ? " (dry run)" : ""}, at most every ${duration(rule.cooldown)}`;
}

/* How often it helped, where it was tried. */
function efficacy(rule) {
        return (rule.efficacy ?? [])
                .filter(e => e.tries > 0)
                .map(
                        e =>
                                `${e.action} helped ${e.service} ${e.helped} of ${e.tries} times` +
                                (e.off ? ", so it has switched itself off there" : ""),
                )
                .join("; ");
}

function makeRule() {
        const button = text => el("button", {type: "button", class: "small", text});
        return el(
                "li",
                {class: "rule"},
                badge("off", ""),
                el(
                        "div",
                        {class: "what"},
                        el("p", {class: "condition"}),
                        el("p", {class: "consequence"}),
                        el("p", {class: "description quiet"}),
                        el("p", {class: "efficacy"}),
                        el("p", {class: "id quiet"}),
                ),
                el(
                        "div",
                        {class: "buttons"},
                        button("Edit …"),
                        button("Disable"),
                        button("Silence …"),
                        button("Delete …"),
                ),
        );
}

function updateRule(item, rule, refresh) {
        const [mark, what, buttons] = item.children,
                texts = [condition(rule), consequence(rule), rule.description, efficacy(rule), rule.id];
        setBadge(mark, ...(STATES[rule.state] ?? ["wait", rule.state ?? "unknown"]));
        [...what.children].forEach((p, i) => {
                write(p, texts[i]);
                p.hidden = !texts[i];
        });
        const toggle = rule.enabled ? "Disable" : "Enable",
                [edit, enable, silence, remove] = buttons.children;
        write(enable, toggle);
        for (const [b, label] of [
                [edit, "Edit"],
                [enable, toggle],
                [silence, "Silence"],
                [remove, "Delete"],
        ])
                b.setAttribute("aria-label", `${label} rule ${rule.id}`);
        edit.onclick = () => openRule(rule, refresh);
        enable.onclick = () => put({...ownFields(rule), enabled: !rule.enabled}, refresh);
        silence.onclick = () => openSilence({service: rule.service ?? "", rule: rule.id});
        remove.onclick = () =>
                openQuestion({
                        title: "Delete this rule?",
                        text: `${rule.id}: ${condition(rule)}, ${consequence(rule)}.`,
                        action: "Delete it",
                        async act() {
                                await request("DELETE", `${RULES_PATH}/${encodeURIComponent(rule.id)}`);
                                notice(`Rule ${rule.id} is deleted.`);
                                await refresh();
                        },
                });
}

async function put(rule, refresh) {
        try {
                await request("POST", RULES_PATH, {body: rule});
                notice(`Rule ${rule.id} is ${rule.enabled ? "enabled" : "disabled"}.`);
        } catch (error) {
                if (error.status === undefined) throw error;
                notice(`Rule ${rule.id} is as it was: ${error.message}`);
        }
        await refresh();
}

export function showRules(scope, route, root) {
        const add = el("button", {
                type: "button",
                class: "primary",
                text: "Add a rule …",
                onclick: () => openRule(null, refresh),
        });
        const part = section(scope, {
                title: "Rules",
                level: 1,
                actions: [add],
                load: signal => request("GET", RULES_PATH, {signal}),
                fill(body, {rules}) {
                        keyed(
                                listIn(body, rules, "ul", "rules", "None: nothing is watched for."),
                                rules,
                                r => r.id,
                                makeRule,
                                (item, rule) => updateRule(item, rule, refresh),
                        );
                },
        });
        const refresh = () => part.refresh();
        root.append(part.element, silenceSection(scope));
        return "Rules and silences";
}
