// The main thread's end of the pulse: starts the worker, carries messages, and tells it regularly that the main thread turns.

import { Worker } from "node:worker_threads";
import type { ChainPosition, NodeId } from "../kernel/membership/view.ts";
import { isErrorCode, SystoleError } from "./errors.ts";
import type { FromPulse, PulseStart, ToPulse, TransportReport } from "./pulse-protocol.ts";

/** A transport that has not opened by then hangs. */
const OPEN_TIMEOUT_MS = 10_000;

/** The worker has its own heap; these caps are far above what it needs, and keep its young generation from growing idly. */
const WORKER_MEMORY = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 2 };

/** Status is answered without the pulse's part when that does not come in time. */
const REPORT_TIMEOUT_MS = 1_000;
const NO_REPORT: TransportReport = { peers: [] };

/** A worker that has been asked to close and does not, is ended. */
const CLOSE_TIMEOUT_MS = 1_000;

/** What is for the node. */
export type PulseMessage = Exclude<FromPulse, { type: "ready" | "failed" | "report" | "bug" }>;

/** What the link tells the node. When the pulse has died, the process must end. */
export interface PulseEvents {
  message(message: PulseMessage): void;
  died(text: string): void;
}

/** A running pulse. */
export interface PulseLink {
  readonly links: number;
  /** Where its messages go; those that came before are given at once. */
  listen(events: PulseEvents): void;
  alive(): void;
  /** Messages for members of the view, in order. */
  submit(messages: readonly { readonly to: NodeId; readonly bytes: Uint8Array }[]): void;
  chain(chain: ChainPosition): void;
  /** Forms a view without this member. */
  shun(node: NodeId): void;
  /** Answered by the message `gone`. */
  leave(): void;
  /** Answered by the message `confirmed` with this id, after everything that has changed. */
  confirm(id: number): void;
  report(): Promise<TransportReport>;
  /** Closes the sockets and ends the worker; what it says afterwards is not heard. */
  close(): Promise<void>;
}

/**
 * Starts the pulse.
 * @throws SystoleError when the transport cannot be opened (`port-used`, `other-cluster`, `address-missing`, …).
 */
export async function startPulse(start: PulseStart): Promise<PulseLink> {
  const worker = createWorker(start);
  const link = new Link(worker);
  try {
    await link.opened();
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return link;
}

/** From source, Node 20 cannot start a worker in TypeScript, so tsx is registered in it first; what is built is plain. */
function createWorker(start: PulseStart): Worker {
  const options = { workerData: start, resourceLimits: WORKER_MEMORY, execArgv: [], name: "pulse" };
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL("./pulse.mjs", import.meta.url), options);
  const file = new URL("./pulse-worker.ts", import.meta.url).href;
  const register = import.meta.resolve("tsx/esm/api");
  const code = `import(${JSON.stringify(register)}).then(({ register }) => { register(); return import(${JSON.stringify(file)}); });`;
  return new Worker(code, { ...options, eval: true });
}

class Link implements PulseLink {
  readonly #worker: Worker;
  #events: PulseEvents | undefined;
  readonly #early: PulseMessage[] = [];
  readonly #reports = new Map<number, (report: TransportReport) => void>();
  #nextReport = 1;
  #links = 0;
  #opening: { readonly resolve: () => void; readonly reject: (error: SystoleError) => void } | undefined;
  #closed = false;
  #death: string | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.on("message", (message: FromPulse) => this.#hear(message));
    worker.on("error", (error) => this.#died(error instanceof Error ? (error.stack ?? error.message) : String(error)));
    worker.on("exit", (code) => this.#died(`The pulse's thread ended with code ${code}.`));
  }

  get links(): number {
    return this.#links;
  }

  opened(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const text = `The transport did not open within ${OPEN_TIMEOUT_MS} ms, so the node does not start. The log has what it said; a release transport does this only when the machine is far too busy.`;
        reject(new SystoleError("pulse-failed", text));
      }, OPEN_TIMEOUT_MS);
      this.#opening = {
        resolve: () => {
          clearTimeout(timer);
          this.#opening = undefined;
          resolve();
        },
        reject: (error) => {
          clearTimeout(timer);
          this.#opening = undefined;
          this.#closed = true;
          reject(error);
        },
      };
    });
  }

  listen(events: PulseEvents): void {
    this.#events = events;
    for (const message of this.#early.splice(0)) events.message(message);
    if (this.#death !== undefined) events.died(this.#death);
  }

  alive(): void {
    this.#tell({ type: "alive" });
  }

  submit(messages: readonly { readonly to: NodeId; readonly bytes: Uint8Array }[]): void {
    this.#tell({ type: "submit", messages });
  }

  chain(chain: ChainPosition): void {
    this.#tell({ type: "chain", chain });
  }

  shun(node: NodeId): void {
    this.#tell({ type: "shun", node });
  }

  leave(): void {
    this.#tell({ type: "leave" });
  }

  confirm(id: number): void {
    this.#tell({ type: "confirm", id });
  }

  report(): Promise<TransportReport> {
    if (this.#closed) return Promise.resolve(NO_REPORT);
    const id = this.#nextReport++;
    return new Promise((resolve) => {
      const answer = (report: TransportReport): void => {
        clearTimeout(timer);
        this.#reports.delete(id);
        resolve(report);
      };
      const timer = setTimeout(() => answer(NO_REPORT), REPORT_TIMEOUT_MS);
      this.#reports.set(id, answer);
      this.#tell({ type: "report", id });
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#tell({ type: "close" });
    this.#closed = true;
    for (const answer of [...this.#reports.values()]) answer(NO_REPORT);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => void this.#worker.terminate().then(() => resolve()), CLOSE_TIMEOUT_MS);
      this.#worker.once("exit", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #tell(message: ToPulse): void {
    if (!this.#closed) this.#worker.postMessage(message);
  }

  #hear(message: FromPulse): void {
    if (this.#closed) return;
    switch (message.type) {
      case "ready":
        this.#links = message.links;
        this.#opening?.resolve();
        break;
      case "failed": {
        const code = isErrorCode(message.code) ? message.code : "pulse-failed";
        this.#opening?.reject(new SystoleError(code, message.message));
        break;
      }
      case "report":
        this.#reports.get(message.id)?.(message.report);
        break;
      case "bug":
        this.#died(message.text);
        break;
      default:
        if (this.#events === undefined) this.#early.push(message);
        else this.#events.message(message);
    }
  }

  #died(text: string): void {
    if (this.#closed) return;
    if (this.#opening !== undefined) {
      this.#opening.reject(new SystoleError("pulse-failed", `The pulse's thread did not start: ${text}`));
      return;
    }
    this.#closed = true;
    this.#death = text;
    this.#events?.died(text);
  }
}
