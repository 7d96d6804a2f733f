// Shows the status once, or goes on showing it while it changes.

import type { ApiClient } from "../../api/client.ts";
import { EXIT } from "../../host/errors.ts";
import type { ClusterStatus, StatusEvent } from "../../model/status/schema.ts";
import { CliFailure } from "../failure.ts";
import { type CliIo, renderOptions } from "../io.ts";
import { renderStatus } from "../render/status.ts";
import { clockTime, printable } from "../render/text.ts";
import { type SessionOptions, withClient } from "../session.ts";
import { statusOfReport } from "../status-of-report.ts";

/** Events that the text shows, and the JSON has. */
const RECENT_EVENTS = 20;
const STATUS_TIMEOUT_MS = 10_000;
/** While watching: no more often than this, and at least so often because times pass. */
const REDRAW_MIN_MS = 100;
const REDRAW_MAX_MS = 2_000;

/** Drawn over what stands there, line by line, because clearing the screen first would flicker. */
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

async function readStatus(client: ApiClient, events: readonly StatusEvent[]): Promise<ClusterStatus> {
  return statusOfReport(await client.call("status", {}, { timeoutMs: STATUS_TIMEOUT_MS }), events);
}

/** Prints the status once. */
export async function showStatus(io: CliIo, options: SessionOptions): Promise<void> {
  const status = await withClient(io, options, async (client) => {
    const events = await client.subscribe(RECENT_EVENTS, () => {});
    return readStatus(client, events);
  });
  io.out(options.json ? `${JSON.stringify(status)}\n` : `${renderStatus(status, renderOptions(io)).join("\n")}\n`);
}

/** Shows it again at each change: on a terminal as a picture, with --json as a line each, otherwise events as lines. */
export async function watchStatus(io: CliIo, options: SessionOptions): Promise<void> {
  const cause = await withClient(io, options, async (client) => {
    const watch = new Watch(io, options, client);
    return watch.run();
  });
  if (cause !== undefined)
    throw new CliFailure("connection-lost", EXIT.unavailable, `${cause} "systole status" tries again.`);
}

class Watch {
  readonly #io: CliIo;
  readonly #options: SessionOptions;
  readonly #client: ApiClient;
  #events: readonly StatusEvent[] = [];
  #changed = false;
  #wake: () => void = () => {};

  constructor(io: CliIo, options: SessionOptions, client: ApiClient) {
    this.#io = io;
    this.#options = options;
    this.#client = client;
  }

  /** Until the person wants out (undefined) or the connection ends (why). */
  async run(): Promise<string | undefined> {
    const lines = !this.#io.outIsTerminal && !this.#options.json;
    this.#events = await this.#client.subscribe(RECENT_EVENTS, (push) => {
      if (push.push === "event") this.#event(push.event, lines);
      this.#changed = true;
      this.#wake();
    });
    if (lines) for (const event of this.#events) this.#line(event);
    let end: { readonly cause?: string } | undefined;
    const finish = (cause?: string): void => {
      end ??= cause === undefined ? {} : { cause };
      this.#wake();
    };
    this.#io.interrupted().addEventListener("abort", () => finish());
    void this.#client.closed.then((cause) => finish(cause));
    if (this.#io.interrupted().aborted) finish();
    while (end === undefined) {
      this.#changed = false;
      if (!lines) await this.#draw();
      await this.#pause(REDRAW_MIN_MS, () => end !== undefined);
      await this.#pause(REDRAW_MAX_MS - REDRAW_MIN_MS, () => end !== undefined || this.#changed);
    }
    return end.cause;
  }

  #event(event: StatusEvent, lines: boolean): void {
    this.#events = [...this.#events.slice(1 - RECENT_EVENTS), event];
    if (lines) this.#line(event);
  }

  #line(event: StatusEvent): void {
    const mark = event.severity === "info" ? "" : `${event.severity}: `;
    this.#io.out(`${clockTime(event.epochMs)} ${mark}${printable(event.text)}\n`);
  }

  async #draw(): Promise<void> {
    const status = await readStatus(this.#client, this.#events);
    if (this.#options.json) this.#io.out(`${JSON.stringify(status)}\n`);
    else {
      const lines = renderStatus(status, renderOptions(this.#io)).slice(0, Math.max(1, this.#io.rows - 1));
      this.#io.out(`${HOME}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join("")}${CLEAR_BELOW}`);
    }
  }

  async #pause(milliseconds: number, enough: () => boolean): Promise<void> {
    if (enough()) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        if (!enough()) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
