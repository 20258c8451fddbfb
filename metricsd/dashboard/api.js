// SPDX-License-Identifier: MIT
// Requests to the server that the page came from.

// This file is /control-room/assets/api.js: below whatever prefix a proxy has put before that.
const ROOT = new URL("../../", import.meta.url);
const PATIENCE_MS = 15000;

export const address = path => new URL(path.replace(/^\//, ""), ROOT);

export function socketAddress(path) {
        const url = address(path);
        url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
        return url;
}

/* Why a request came to nothing, in the server's words where it has said some. `field` is the one that its message begins
 * with ("threshold: a number is expected"), null for none. */
export class Failure extends Error {
        constructor(message, status = 0) {
                super(message);
                this.status = status;
                this.field = status === 400 ? (message.match(/^([A-Za-z][\w.]*): /)?.[1] ?? null) : null;
        }
}

async function bodyOf(answer) {
        try {
                return await answer.json();
        } catch {
                return null;
        }
}

export async function request(method, path, {body, query, signal} = {}) {
        const url = address(path),
                limit = AbortSignal.timeout(PATIENCE_MS);
        for (const [name, value] of Object.entries(query ?? {}))
                if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
        let answer;
        try {
                answer = await fetch(url, {
                        method,
                        headers: body === undefined ? {} : {"Content-Type": "application/json"},
                        body: body === undefined ? undefined : JSON.stringify(body),
                        signal: signal ? anySignal(signal, limit) : limit,
                });
        } catch (error) {
                if (signal?.aborted) throw error;
                throw new Failure(
                        limit.aborted ? `no answer within ${PATIENCE_MS / 1000} s` : "the server cannot be reached",
                );
        }
        const json = await bodyOf(answer);
        if (!answer.ok) throw new Failure(json?.error ?? `the server answered ${answer.status}`, answer.status);
        if (json === null) throw new Failure("the server's answer is no JSON", answer.status);
        return json;
}

// AbortSignal.any() is newer than some browsers in use.
function anySignal(...signals) {
        const both = new AbortController();
        for (const signal of signals) {
                if (signal.aborted) both.abort(signal.reason);
                signal.addEventListener("abort", () => both.abort(signal.reason), {once: true});
        }
        return both.signal;
}

export const METRICS_PATH = "api/v1/metrics";
export const ALERTS_PATH = "api/v1/system/alerts";
