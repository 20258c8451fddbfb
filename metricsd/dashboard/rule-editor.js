// SPDX-License-Identifier: MIT
// The form of a rule. It is sent as it was entered: what is wrong with it the server says, field by field.

import {ALERTS_PATH, Failure, request} from "./api.js";
import {notice, openForm} from "./dialog.js";
import {METRICS, duration} from "./format.js";
import {serviceOptions} from "./silences.js";
import {write} from "./dom.js";

export const RULES_PATH = `${ALERTS_PATH}/rules`;

// What a rule is; the rest of what the server tells of one is how it goes.
const OWN = [
        "id",
        "metric",
        "operator",
        "threshold",
        "severity",
        "action",
        "actionParams",
        "description",
        "service",
        "for",
        "cooldown",
        "margin",
        "enabled",
        "dryRun",
];
// Figures that are kept but that no rule can ask for.
const UNRULED = ["service.requests", "service.errors", "service.generation"];

const OPERATORS = [
        [">", "> above"],
        [">=", "≥ at least"],
        ["<", "< below"],
        ["<=", "≤ at most"],
        ["==", "= equal to"],
        ["!=", "≠ other than"],
];
const SEVERITIES = [
        ["info", "info"],
        ["warning", "warning"],
        ["critical", "critical"],
];
export const ACTIONS = {
        "restart-service": "restart the service",
        "reload-service": "reload the service",
        "switch-provider": "switch the provider",
        "scale-up": "scale up",
        notify: "tell people",
};

const fresh = {
        metric: "service.responseTime",
        operator: ">",
        threshold: "",
        severity: "warning",
        action: "restart-service",
        description: "",
        enabled: true,
};

export const ownFields = rule =>
        Object.fromEntries(
                OWN.filter(name => rule[name] !== undefined && rule[name] !== null).map(name => [name, rule[name]]),
        );

const numberText = value => (value === undefined || value === null ? "" : String(value));
const timeText = ms => (ms === undefined ? "" : duration(ms));

/* What names the service stands in its own field. */
function otherParams(rule) {
        const params = {...rule.actionParams};
        delete params.serviceId;
        return Object.keys(params).length ? JSON.stringify(params) : "";
}

function fieldsOf(rule, isNew) {
        const metrics = Object.entries(METRICS).filter(([name]) => !UNRULED.includes(name));
        return [
                {
                        name: "metric",
                        label: "When",
                        kind: "select",
                        value: rule.metric,
                        options: metrics.map(([name, {title}]) => [name, title]),
                },
                {name: "operator", label: "is", kind: "select", value: rule.operator, options: OPERATORS},
                {name: "threshold", label: "Threshold", kind: "number", value: numberText(rule.threshold), help: " "},
                {name: "for", label: "For at least", value: timeText(rule.for), help: "Such as 10s. Empty: at once."},
                {
                        name: "service",
                        label: "Of",
                        kind: "select",
                        value: rule.service ?? rule.actionParams?.serviceId ?? "",
                        options: serviceOptions(),
                        names: ["actionParams.serviceId"],
                },
                {name: "severity", label: "Severity", kind: "select", value: rule.severity, options: SEVERITIES},
                {name: "action", label: "Then", kind: "select", value: rule.action, options: Object.entries(ACTIONS)},
                {name: "description", label: "Description", value: rule.description, prose: true, wide: true},
                {name: "enabled", label: "Enabled", kind: "checkbox", value: rule.enabled},
                {
                        name: "dryRun",
                        label: "Dry run: write down what would be done, do nothing",
                        kind: "checkbox",
                        value: rule.dryRun ?? false,
                },
                {
                        name: "cooldown",
                        label: "Between two actions",
                        value: timeText(rule.cooldown),
                        more: true,
                        help: "On one service. Empty: 5min.",
                },
                {
                        name: "margin",
                        label: "Margin",
                        kind: "number",
                        value: numberText(rule.margin),
                        more: true,
                        help: "By how much the value must be back before it clears. Empty: as usual for the metric.",
                },
                {
                        name: "actionParams",
                        label: "Parameters of the action",
                        kind: "lines",
                        value: otherParams(rule),
                        more: true,
                        wide: true,
                        help: "As a JSON object. Empty: none.",
                },
                ...(isNew
                        ? [
                                  {
                                          name: "id",
                                          label: "Id",
                                          value: "",
                                          more: true,
                                          help: "Empty: made from what the rule is about.",
                                  },
                          ]
                        : []),
        ];
}

// What is no number is sent as it is: the server says what it expects there.
const asNumber = text => (text !== "" && Number.isFinite(Number(text)) ? Number(text) : text);

function params(text) {
        if (text === "") return undefined;
        try {
                return JSON.parse(text);
        } catch (error) {
                throw new Failure(`actionParams: a JSON object is expected (${error.message})`, 400);
        }
}

function ruleFrom(values, rule, isNew) {
        const body = {
                ...values,
                threshold: asNumber(values.threshold),
                margin: asNumber(values.margin),
                actionParams: params(values.actionParams),
        };
        if (!isNew) body.id = rule.id;
        if (!values.dryRun && rule.dryRun === undefined) delete body.dryRun;
        return Object.fromEntries(
                Object.entries(body).filter(([name, v]) => v !== undefined && (v !== "" || name === "threshold")),
        );
}

/* Edits rule, or makes one where that is null; saved() comes after. */
export function openRule(rule, saved) {
        const isNew = !rule;
        openForm({
                title: isNew ? "A new rule" : `Rule ${rule.id}`,
                action: isNew ? "Add the rule" : "Save",
                fields: fieldsOf(rule ?? fresh, isNew),
                changed: ({metric}, {threshold}) => {
                        write(
                                threshold.help,
                                METRICS[metric].unit ? `In ${METRICS[metric].unit}.`.replace("In 1 ", "1 ") : "",
                        );
                },
                async submit(values) {
                        const {id} = await request("POST", RULES_PATH, {body: ruleFrom(values, rule ?? {}, isNew)});
                        notice(`Rule ${id} is in force.`);
                        await saved(id);
                },
        });
}
