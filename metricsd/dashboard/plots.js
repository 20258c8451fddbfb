// SPDX-License-Identifier: MIT
// One figure over time: a plot with the changes marked on it, its summary in words, and the same as a table. Without uPlot
// (see no-uplot.txt) the table is all there is.

import {el, keyed, write, writeAttribute} from "./dom.js";
import {clock, day, minute, moment} from "./format.js";
import {KINDS} from "./timeline.js";

const UPlot = window.uPlot;
const HEIGHT = 168,
        MARK_SPACE = 15,
        NEAR_PX = 7;
const DAY = 86400000;

export const canDraw = typeof UPlot === "function";

/* --- Colours are the style sheet's, which a canvas cannot read by itself --- */

const dark = matchMedia("(prefers-color-scheme: dark)");

function palette() {
        const style = getComputedStyle(document.documentElement);
        return name => style.getPropertyValue(`--${name}`).trim();
}

/* --- Axes --- */

const BINARY = Array.from({length: 45}, (_, i) => 2 ** i);
const WHOLE = Array.from({length: 30}, (_, i) => [1, 2, 5][i % 3] * 10 ** Math.floor(i / 3));
const INCREMENTS = {"service.memory": BINARY, "service.restarts": WHOLE};

// 24 hours; at midnight the day. uPlot's own are American.
function timeValues(plot, splits, axis, space, step) {
        return splits.map(t => {
                const date = new Date(t);
                if (step >= DAY || (date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0))
                        return day(t);
                return step < 60000 ? clock(t) : minute(t);
        });
}

function axes(chart, color) {
        const grid = {stroke: color("line"), width: 1},
                ticks = {show: false},
                font = "12px system-ui, sans-serif";
        const common = {stroke: color("quiet"), grid, ticks, font};
        return [
                {...common, values: timeValues, space: 64, size: 26, gap: 4},
                {
                        ...common,
                        values: (plot, splits) => splits.map(v => chart.axis(v)),
                        size: 66,
                        gap: 4,
                        space: 34,
                        ...(INCREMENTS[chart.metric] && {incrs: INCREMENTS[chart.metric]}),
                },
        ];
}

/* --- Marks --- */

function drawMarks(plot, chart, color) {
        const {ctx, bbox} = plot,
                ratio = devicePixelRatio;
        let last = -Infinity;
        ctx.save();
        ctx.font = `600 ${11 * ratio}px system-ui, sans-serif`;
        ctx.textAlign = "center";
        ctx.lineWidth = ratio;
        for (const {at, kind} of chart.marks) {
                // In the midst of a pixel: between two of them a line is two, and half as dark.
                const x = Math.round(plot.valToPos(at, "x", true)) + ratio / 2;
                if (x < bbox.left || x > bbox.left + bbox.width) continue;
                ctx.strokeStyle = ctx.fillStyle = color(`mark-${kind}`);
                ctx.setLineDash([4 * ratio, 3 * ratio]);
                ctx.beginPath();
                ctx.moveTo(x, bbox.top);
                ctx.lineTo(x, bbox.top + bbox.height);
                ctx.stroke();
                if (x - last < 11 * ratio) continue; // letters over each other say nothing
                last = x;
                ctx.fillText(KINDS[kind].letter, x, bbox.top - 4 * ratio);
        }
        ctx.restore();
}

/* --- The plot --- */

// A sample between two gaps would be a line without a length.
function lonely(plot, index) {
        const values = plot.data[index],
                found = [];
        for (let i = 0; i < values.length; i++)
                if (values[i] !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null)
                        found.push(i);
        return found;
}

function series(chart, color) {
        const line = color("accent"),
                stepped = chart.metric === "service.restarts";
        const paths = stepped ? UPlot.paths.stepped({align: 1}) : undefined;
        const points = {show: true, size: 4, fill: line, filter: lonely},
                edge = {stroke: "transparent", points: {show: false}, paths};
        return [{}, {stroke: line, width: 1.5, points, paths}, edge, edge];
}

// The clock of the figures is the server's.
function span({times, span: length}) {
        const end = Math.max(times.at(-1) ?? 0, Date.now());
        return [end - length, end];
}

function options(chart, width) {
        const color = palette();
        return {
                width,
                height: HEIGHT,
                ms: 1,
                padding: [MARK_SPACE, 22, 0, 0],
                legend: {show: false},
                cursor: {sync: {key: "service"}, drag: {x: false, y: false}, y: false, points: {size: 7}},
                scales: {
                        x: {time: true, range: () => span(chart.series)},
                        y: {range: (plot, low, high) => [0, high > 0 ? high * 1.12 : 1]},
                },
                axes: axes(chart, color),
                series: series(chart, color),
                bands: [{series: [3, 2], fill: color("band")}],
                hooks: {draw: [plot => drawMarks(plot, chart, color)], setCursor: [plot => chart.readout(plot)]},
        };
}

/* metric, title, text and axis as in format.js. */
export class Chart {
        marks = [];
        series = null;
        #plot = null;
        #ends = [];

        constructor({metric, title, text, axis = text}) {
                Object.assign(this, {metric, title, text, axis});
                this.value = el("span", {class: "readout"});
                this.box = el("div", {class: "plot", role: "img"});
                this.body = el("tbody");
                this.table = el(
                        "div",
                        {class: "scroll", tabindex: "0", role: "region", "aria-label": `${title}, table`},
                        el(
                                "table",
                                {class: "figures", "aria-label": title},
                                el(
                                        "thead",
                                        {},
                                        el(
                                                "tr",
                                                {},
                                                ...["Time", "Value", "Lowest", "Highest", "Change"].map((name, i) =>
                                                        el("th", {
                                                                scope: "col",
                                                                class: i > 0 && i < 4 ? "number" : null,
                                                                text: name,
                                                        }),
                                                ),
                                        ),
                                ),
                                this.body,
                        ),
                );
                this.details = el(
                        "details",
                        {open: !canDraw, ontoggle: () => this.#fillTable()},
                        el("summary", {text: "As a table"}),
                        this.table,
                );
                this.element = el(
                        "figure",
                        {class: "chart", "data-metric": metric},
                        el("figcaption", {}, el("h3", {text: title}), this.value),
                        canDraw ? this.box : null,
                        this.details,
                );
                if (canDraw) this.#follow();
        }

        #follow() {
                const sizes = new ResizeObserver(() => this.#resize()),
                        rebuild = () => this.#build();
                sizes.observe(this.box);
                dark.addEventListener("change", rebuild);
                this.#ends.push(
                        () => sizes.disconnect(),
                        () => dark.removeEventListener("change", rebuild),
                        () => this.#plot?.destroy(),
                );
        }

        end() {
                this.#ends.forEach(end => end());
        }

        set(data) {
                this.series = data;
                this.update();
        }

        setMarks(events) {
                this.marks = events
                        .filter(e => KINDS[e.kind]?.letter)
                        .map(e => ({...e, at: Date.parse(e.at)}))
                        .sort((a, b) => a.at - b.at);
                this.#plot?.redraw(false);
                this.#describe();
                this.#fillTable();
        }

        /* After something was appended to the series. */
        update() {
                if (this.#plot) this.#plot.setData(this.#data());
                else this.#build();
                this.#describe();
                this.#fillTable();
        }

        #data() {
                const s = this.series;
                return [s.times, s.line, s.lowest, s.highest];
        }

        #build() {
                this.#plot?.destroy();
                this.#plot = null;
                if (canDraw && this.series && this.box.clientWidth > 0)
                        this.#plot = new UPlot(options(this, this.box.clientWidth), this.#data(), this.box);
        }

        #resize() {
                if (this.#plot) this.#plot.setSize({width: this.box.clientWidth, height: HEIGHT});
                else this.#build();
        }

        #describe() {
                const s = this.series?.summary(),
                        {text} = this,
                        marked = this.marks.length;
                if (!this.#plot || this.#plot.cursor.idx === null || this.#plot.cursor.idx === undefined)
                        write(
                                this.value,
                                s
                                        ? `${text(s.last)} · ${text(s.lowest)} to ${text(s.highest)}`
                                        : "no figures in this time",
                        );
                writeAttribute(
                        this.box,
                        "aria-label",
                        s
                                ? `${this.title}: ${text(s.last)} last, ${text(s.average)} on average, from ` +
                                          `${text(s.lowest)} to ${text(s.highest)}${marked ? `; ${marked} changes are marked` : ""}`
                                : `${this.title}: no figures in this time`,
                );
        }

        // What is under the cursor, and the change beside it.
        readout(plot) {
                const i = plot.cursor.idx;
                if (i === null || i === undefined) {
                        this.#describe();
                        return;
                }
                const s = this.series,
                        mark = this.marks.find(m => Math.abs(plot.valToPos(m.at, "x") - plot.cursor.left) < NEAR_PX);
                const value =
                        s.line[i] === null
                                ? "nothing measured"
                                : s.lowest[i] === s.highest[i]
                                  ? this.text(s.line[i])
                                  : `${this.text(s.line[i])} · ${this.text(s.lowest[i])} to ${this.text(s.highest[i])}`;
                write(
                        this.value,
                        `${moment(s.times[i])}: ${value}${mark ? ` · ${KINDS[mark.kind].word}: ${mark.text}` : ""}`,
                );
        }

        /* Newest first, only while somebody looks. */
        #fillTable() {
                const s = this.series;
                if (!this.details.open || !s) return;
                const rows = s.times
                        .map((time, i) => ({
                                time,
                                cells: [s.line[i], s.lowest[i], s.highest[i]].map(this.text),
                                changes: this.marks
                                        .filter(m => m.at >= time && m.at < time + s.step)
                                        .map(m => m.text)
                                        .join("; "),
                        }))
                        .reverse();
                keyed(
                        this.body,
                        rows,
                        row => row.time,
                        row =>
                                el(
                                        "tr",
                                        {},
                                        el("th", {scope: "row", text: moment(row.time)}),
                                        ...row.cells.map(() => el("td", {class: "number"})),
                                        el("td"),
                                ),
                        (tr, row) => [...row.cells, row.changes].forEach((text, i) => write(tr.cells[i + 1], text)),
                );
        }
}
