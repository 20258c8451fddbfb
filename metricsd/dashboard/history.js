// SPDX-License-Identifier: MIT
// Figures over time: what the server has kept, with what the WebSocket brings appended. It knows no document.

import {METRICS_PATH, request} from "./api.js";

const MINUTE = 60000,
        HOUR = 60 * MINUTE,
        DAY = 24 * HOUR;

/* Steps hold at least two samples of the usual interval: one that came a moment late makes no gap. */
export const RANGES = {
        "15min": {text: "15 min", span: 15 * MINUTE, step: 10000},
        "1h": {text: "1 h", span: HOUR, step: 10000},
        "6h": {text: "6 h", span: 6 * HOUR, step: MINUTE},
        "24h": {text: "24 h", span: DAY, step: 4 * MINUTE},
        "7d": {text: "7 d", span: 7 * DAY, step: 30 * MINUTE},
        "30d": {text: "30 d", span: 30 * DAY, step: 2 * HOUR},
};

// Half a restart has never been: of what is counted the line is the highest of a step.
const COUNTED = ["service.restarts"];

/* Points of one metric: times in ms, and of each step the line (the average), the lowest and the highest; null where nothing
 * was measured. */
export class Series {
        #weight = 0; // samples in the last point

        constructor(metric, span, step, beat, points = []) {
                Object.assign(this, {span, step, counted: COUNTED.includes(metric)});
                this.times = points.map(p => p[0]);
                this.line = points.map(p => p[this.counted ? 3 : 1]);
                this.lowest = points.map(p => p[2]);
                this.highest = points.map(p => p[3]);
                // The server stopped in the middle of the last step.
                const last = points.at(-1);
                if (last && last[1] !== null)
                        this.#weight = Math.max(1, Math.round(Math.min(Date.now() - last[0], step) / beat));
        }

        /* One more sample, null for none. Steps that brought none stay gaps. */
        append(time, value) {
                const {times, step} = this;
                const begin = times.length
                        ? times[0] + Math.floor((time - times[0]) / step) * step
                        : Math.floor(time / step) * step;
                if (times.length && begin < times.at(-1)) return;
                while (times.length && times.at(-1) + step < begin && times.length * step < 2 * this.span)
                        this.#push(times.at(-1) + step, null);
                if (!times.length || begin > times.at(-1)) this.#push(begin, value);
                else if (value !== null) this.#blend(value);
                this.#trim(time - this.span);
        }

        #push(time, value) {
                this.times.push(time);
                this.line.push(value);
                this.lowest.push(value);
                this.highest.push(value);
                this.#weight = value === null ? 0 : 1;
        }

        #blend(value) {
                const i = this.times.length - 1,
                        n = this.#weight;
                if (n === 0) {
                        this.line[i] = this.lowest[i] = this.highest[i] = value;
                } else {
                        this.lowest[i] = Math.min(this.lowest[i], value);
                        this.highest[i] = Math.max(this.highest[i], value);
                        this.line[i] = this.counted ? this.highest[i] : this.line[i] + (value - this.line[i]) / (n + 1);
                }
                this.#weight = n + 1;
        }

        #trim(begin) {
                const n = this.times.findIndex(t => t + this.step >= begin);
                if (n > 0) for (const list of [this.times, this.line, this.lowest, this.highest]) list.splice(0, n);
        }

        /* {lowest, highest, average, last} of what is there; null for nothing. */
        summary() {
                const known = this.line.filter(v => v !== null);
                if (known.length === 0) return null;
                return {
                        lowest: Math.min(...this.lowest.filter(v => v !== null)),
                        highest: Math.max(...this.highest.filter(v => v !== null)),
                        average: known.reduce((sum, v) => sum + v, 0) / known.length,
                        last: known.at(-1),
                };
        }
}

export async function loadSeries(service, metric, range, beat, signal, step = RANGES[range].step) {
        const {span} = RANGES[range];
        const answer = await request("GET", `${METRICS_PATH}/history`, {
                query: {service, metric, from: `-${span / MINUTE}min`, to: "now", step},
                signal,
        });
        return new Series(metric, span, answer.step, beat, answer.points);
}
