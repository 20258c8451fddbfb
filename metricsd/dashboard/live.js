// SPDX-License-Identifier: MIT
// The WebSocket: what it brings, whether it still does, and since when not.

import {socketAddress} from "./api.js";

const RETRY_MS = [250, 5000]; // the first try, and the longest wait between two
const BEAT_MS = 5000; // between two updates, where the server does not say
// So many updates that did not come, and no less than that: no connection is worse than one that says so.
const SILENT_BEATS = 4,
        SILENCE_MS = 3000;
const SETTLE_MS = 300; // what is told at once may stand in the database a moment later
const REFRESH_MS = 30000; // what no update tells of is looked for that often, by whoever looks at the page

/* state: "connecting" before the first update, then "live" or "lost"; at: of the last update; since: of the loss. Times are
 * this browser's, in ms; `told` is the server's of the last update. */
export const live = {state: "connecting", data: null, at: 0, told: null, since: Date.now(), beat: BEAT_MS};

/* Those of the fleet and, after them, of the control plane. */
export const allServices = () => [...(live.data?.services ?? []), ...(live.data?.control ?? [])];

const listeners = {update: new Set(), state: new Set(), news: new Set()};

/* "update": each one; "state": live.state or live.since changed; "news": something may be different beyond the figures, so
 * what was asked for is worth asking again. Returns what ends it. */
export function listen(kind, listener) {
        listeners[kind].add(listener);
        return () => listeners[kind].delete(listener);
}

function tell(kind) {
        for (const listener of [...listeners[kind]]) listener(live);
}

/* --- News --- */

let sign = "",
        settling = 0,
        refreshed = 0;

function signOf(data) {
        return JSON.stringify([
                [...data.services, ...(data.control ?? [])].map(s => [
                        s.id,
                        s.status,
                        s.condition,
                        s.unitState,
                        s.generation,
                        s.restarts,
                        s.error,
                ]),
                (data.alerts ?? []).map(a => [a.id, a.status, a.remediation, a.remediationRefused, a.helped]),
                data.monitor,
                data.latestEvent,
        ]);
}

function tellNews() {
        settling = 0;
        refreshed = Date.now();
        tell("news");
}

function lookForNews() {
        const now = signOf(live.data);
        if (document.hidden) return; // it is looked at when somebody does
        if (now === sign && Date.now() - refreshed < REFRESH_MS) return;
        sign = now;
        clearTimeout(settling);
        settling = setTimeout(tellNews, SETTLE_MS);
}

/* --- The connection --- */

let wait = RETRY_MS[0],
        silence = 0,
        retry = 0,
        socket = null;

function setState(state) {
        if (live.state === state) return;
        live.state = state;
        live.since = Date.now();
        tell("state");
}

function take(update) {
        const back = live.state !== "live";
        wait = RETRY_MS[0];
        live.data = update.data;
        live.at = Date.now();
        live.told = update.timestamp;
        live.beat = update.interval ?? BEAT_MS;
        setState("live");
        tell("update");
        if (back) sign = ""; // whatever has happened meanwhile
        lookForNews();
}

function lost(ws) {
        if (ws !== socket) return;
        socket = null;
        clearTimeout(silence);
        setState("lost");
        retry = setTimeout(connect, wait * (0.75 + Math.random() / 2));
        wait = Math.min(wait * 2, RETRY_MS[1]);
}

// A connection that neither brings anything nor ends is as good as none.
function expectMore(ws) {
        clearTimeout(silence);
        silence = setTimeout(
                () => {
                        lost(ws);
                        ws.close();
                },
                Math.max(SILENT_BEATS * live.beat, SILENCE_MS),
        );
}

function connect() {
        const ws = (socket = new WebSocket(socketAddress("ws/metrics")));
        ws.onmessage = event => {
                if (ws !== socket) return;
                const update = JSON.parse(event.data);
                if (update.type !== "metrics-update") return;
                take(update);
                expectMore(ws);
        };
        ws.onclose = () => lost(ws);
        expectMore(ws);
}

// Whoever comes back to the page, or to the network, does not wait for the next try.
export function reconnectNow() {
        if (socket) return;
        clearTimeout(retry);
        wait = RETRY_MS[0];
        connect();
}

export function start() {
        document.addEventListener("visibilitychange", () => {
                if (document.hidden) return;
                reconnectNow();
                if (live.data) lookForNews();
        });
        window.addEventListener("online", reconnectNow);
        connect();
}
