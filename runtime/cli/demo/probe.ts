// Watches the demonstration's web address from outside, as its users would: a request every 2 ms, each on a connection of
// its own, and a note of who answered. It learns nothing from Systole and tells it nothing.

import { request } from "node:http";

/** How often the address is asked. */
export const POLL_INTERVAL_MS = 2;
/** A request without an answer for this long is given up. */
const REQUEST_TIMEOUT_MS = 250;
/** A server that accepts but does not answer (SIGSTOP) must not pile up requests without bound. */
const MAX_IN_FLIGHT = 64;

/** An answer with status 200. */
export interface WebAnswer {
  readonly node: string;
  /** When the process that answered started, by its own clock. */
  readonly startedEpochMs: number;
  readonly pid: number;
  /** When the answer was here. */
  readonly answeredEpochMs: number;
}

/** Asks the address until closed. */
export class WebProbe {
  last: WebAnswer | undefined;
  #inFlight = 0;
  readonly #address: string;
  readonly #port: number;
  readonly #timer: NodeJS.Timeout;
  readonly #waiters = new Set<(answer: WebAnswer) => void>();

  constructor(address: string, port: number, intervalMs = POLL_INTERVAL_MS) {
    this.#address = address;
    this.#port = port;
    this.#timer = setInterval(() => this.#ask(), intervalMs);
  }

  /** The first answer from now on that `wanted` accepts; undefined when the time is over. */
  waitFor(wanted: (answer: WebAnswer) => boolean, timeoutMs: number): Promise<WebAnswer | undefined> {
    return new Promise((resolve) => {
      const end = (answer: WebAnswer | undefined): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(answer);
      };
      const waiter = (answer: WebAnswer): void => {
        if (wanted(answer)) end(answer);
      };
      const timer = setTimeout(() => end(undefined), timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #ask(): void {
    if (this.#inFlight >= MAX_IN_FLIGHT) return;
    this.#inFlight += 1;
    const asked = request({
      host: this.#address,
      port: this.#port,
      path: "/",
      agent: false,
      timeout: REQUEST_TIMEOUT_MS,
    });
    asked.on("close", () => {
      this.#inFlight -= 1;
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => {});
    asked.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => this.#answered(response.statusCode, text));
      response.on("error", () => {});
    });
    asked.end();
  }

  #answered(status: number | undefined, text: string): void {
    const answeredEpochMs = Date.now();
    const body = status === 200 ? parseBody(text) : undefined;
    if (body === undefined) return;
    this.last = { ...body, answeredEpochMs };
    for (const waiter of [...this.#waiters]) waiter(this.last);
  }
}

function parseBody(text: string): Omit<WebAnswer, "answeredEpochMs"> | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof body !== "object" || body === null) return undefined;
  if (!("node" in body && "startedEpochMs" in body && "pid" in body)) return undefined;
  const { node, startedEpochMs, pid } = body;
  if (typeof node !== "string" || typeof startedEpochMs !== "number" || typeof pid !== "number") return undefined;
  return { node, startedEpochMs, pid };
}
