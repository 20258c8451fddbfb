// SPDX-License-Identifier: MIT
// The last quarter of an hour of each service's response time, as a small line in the table.

import {svg} from "./dom.js";
import {Series, loadSeries} from "./history.js";
import {live} from "./live.js";

const WIDTH = 64,
        HEIGHT = 20,
        PAD = 2,
        RANGE = "15min",
        METRIC = "service.responseTime";
const STEP = 30000; // as fine as so small a line can show
const AT_ONCE = 3;

export const makeSparkline = () =>
        svg(
                "svg",
                {
                        class: "spark",
                        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
                        width: WIDTH,
                        height: HEIGHT,
                        "aria-hidden": "true",
                        preserveAspectRatio: "none",
                },
                svg("path"),
        );

/* "M0,18L4,3…", broken where there is a gap. */
function path(series) {
        const {times, line} = series,
                end = times.at(-1) ?? 0;
        const known = line.filter(v => v !== null),
                top = Math.max(...known),
                bottom = Math.min(...known, top / 2);
        let d = "",
                pen = false;
        for (let i = 0; i < times.length; i++) {
                if (line[i] === null) {
                        pen = false;
                        continue;
                }
                const x = WIDTH - PAD - ((end - times[i]) / series.span) * (WIDTH - 2 * PAD);
                const y = HEIGHT - PAD - ((line[i] - bottom) / (top - bottom || 1)) * (HEIGHT - 2 * PAD);
                d += `${pen ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`;
                if (!pen && line[i + 1] === null) d += "h0.1"; // a single point is a dot
                pen = true;
        }
        return d;
}

export function drawSparkline(element, series) {
        if (series) element.firstChild.setAttribute("d", path(series));
}

/* The lines of all services, by id: from history where there is one, and from now on in any case. */
export class Sparklines {
        #series = new Map();

        of(id) {
                return this.#series.get(id);
        }

        append(time, services) {
                for (const s of services) {
                        if (!this.#series.has(s.id))
                                this.#series.set(s.id, new Series(METRIC, 15 * 60000, STEP, live.beat));
                        this.#series.get(s.id).append(time, s.responseTime);
                }
        }

        // Few at once, for the page has more urgent questions. Without an answer there is less to draw, and no more to say.
        async load(ids, signal, drawn) {
                const queue = [...ids];
                const work = async () => {
                        while (queue.length) {
                                const id = queue.shift();
                                try {
                                        const series = await loadSeries(id, METRIC, RANGE, live.beat, signal, STEP);
                                        this.#series.set(id, series);
                                        drawn(id);
                                } catch (error) {
                                        if (error.status !== undefined || signal.aborted) return;
                                        throw error;
                                }
                        }
                };
                await Promise.all(Array.from({length: AT_ONCE}, work));
        }
}
