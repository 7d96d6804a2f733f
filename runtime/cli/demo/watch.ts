// Looks at the demonstration's cluster through the nodes' control sockets, as any operator's second terminal could. It goes
// on with another node when the one it looked at dies.

import { type ApiClient, connectApi } from "../../api/client.ts";
import type { StatusReport } from "../../api/schema.ts";
import { SystoleError } from "../../host/errors.ts";
import type { ClusterEvent } from "../../services/messages.ts";
import type { DemoNode } from "./cluster.ts";

/** A node that is starting is tried again this often. */
const CONNECT_INTERVAL_MS = 20;
const CONNECT_TIMEOUT_MS = 500;
const STATUS_TIMEOUT_MS = 1_000;
/** Without a push, the state is read again after this long. */
const REFRESH_INTERVAL_MS = 250;

/** What one node says. */
export interface NodeReport {
  readonly node: DemoNode;
  readonly report: StatusReport;
}

/** One node's connection, made again whenever the node comes back. */
class NodeWatch {
  client: ApiClient | undefined;
  report: StatusReport | undefined;
  readonly node: DemoNode;
  readonly #changed: () => void;
  readonly #onEvent: (event: ClusterEvent) => void;
  #closed = false;
  #reading = false;
  #again = false;

  constructor(node: DemoNode, changed: () => void, onEvent: (event: ClusterEvent) => void) {
    this.node = node;
    this.#changed = changed;
    this.#onEvent = onEvent;
    void this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.client?.close();
  }

  async refresh(): Promise<void> {
    this.#again = true;
    if (this.#reading) return;
    this.#reading = true;
    while (this.#again && this.client !== undefined) {
      this.#again = false;
      try {
        this.report = await this.client.call("status", {}, { timeoutMs: STATUS_TIMEOUT_MS });
      } catch {
        this.report = undefined;
      }
      this.#changed();
    }
    this.#reading = false;
  }

  async #connect(): Promise<void> {
    while (!this.#closed) {
      try {
        const client = await connectApi(this.node.socketPath, { timeoutMs: CONNECT_TIMEOUT_MS });
        this.client = client;
        await client.subscribe(0, (push) => {
          if (push.push === "event") this.#onEvent(push.event);
          else void this.refresh();
        });
        void this.refresh();
        await client.closed;
      } catch (error) {
        if (!(error instanceof SystoleError)) throw error;
      }
      this.client?.close();
      this.client = undefined;
      this.report = undefined;
      this.#changed();
      await new Promise((resolve) => setTimeout(resolve, CONNECT_INTERVAL_MS));
    }
  }
}

/** All nodes at once. */
export class ClusterWatch {
  readonly #nodes: readonly NodeWatch[];
  readonly #listeners = new Set<() => void>();
  readonly #timer: NodeJS.Timeout;
  readonly events: ClusterEvent[] = [];
  readonly #onEvent: (event: ClusterEvent, node: DemoNode) => void;

  constructor(nodes: readonly DemoNode[], onEvent: (event: ClusterEvent, node: DemoNode) => void = () => {}) {
    this.#onEvent = onEvent;
    this.#nodes = nodes.map(
      (node) =>
        new NodeWatch(
          node,
          () => this.#notify(),
          (event) => this.#event(event, node),
        ),
    );
    this.#timer = setInterval(() => {
      for (const node of this.#nodes) void node.refresh();
    }, REFRESH_INTERVAL_MS);
  }

  /** What each node that answers says now. */
  reports(): NodeReport[] {
    return this.#nodes.flatMap(({ node, report }) => (report === undefined ? [] : [{ node, report }]));
  }

  /** A node's connection; undefined while it does not answer. */
  client(name: string): ApiClient | undefined {
    return this.#nodes.find(({ node }) => node.name === name)?.client;
  }

  /** Called after every change; returns what ends that. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves with what `wanted` returns as soon as that is something, or with undefined when the time is over. */
  waitFor<T>(wanted: (reports: readonly NodeReport[]) => T | undefined, timeoutMs: number): Promise<T | undefined> {
    return new Promise((resolve) => {
      const finish = (value: T | undefined): void => {
        clearTimeout(timer);
        stop();
        resolve(value);
      };
      const look = (): void => {
        const value = wanted(this.reports());
        if (value !== undefined) finish(value);
      };
      const timer = setTimeout(() => finish(undefined), timeoutMs);
      const stop = this.listen(look);
      look();
    });
  }

  /** Resolves with the first event, past or to come, that `wanted` accepts. */
  async waitForEvent(wanted: (event: ClusterEvent) => boolean, timeoutMs: number): Promise<ClusterEvent | undefined> {
    return this.waitFor(() => this.events.find(wanted), timeoutMs);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const node of this.#nodes) node.close();
  }

  #event(event: ClusterEvent, node: DemoNode): void {
    this.events.push(event);
    this.#onEvent(event, node);
    this.#notify();
  }

  #notify(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
