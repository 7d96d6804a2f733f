// The pulse's thread: transport, sealing, codec and the pulse machine under a driver of their own. Nothing here waits for the
// main thread, so a main thread that is busy delays no heartbeat; one that hangs is found out by the machine.

import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../kernel/assert.ts";
import type { Tick } from "../kernel/machine.ts";
import { createPulse, type PulseEffect, type PulseInput } from "../kernel/pulse.ts";
import { nowMs } from "./clock.ts";
import { createDatagramCodec } from "./codec-datagram.ts";
import { Driver } from "./driver.ts";
import { errorText } from "./errors.ts";
import { PeerCounters } from "./peer-counters.ts";
import { openTransport } from "./plugins/transports.ts";
import type { OpenedTransport } from "./plugins/types.ts";
import type { FromPulse, PulseNode, PulseStart, ToPulse } from "./pulse-protocol.ts";
import { SEAL_BYTES, Seal } from "./seal.ts";
import { realTimers } from "./timers.ts";
import { transportFailure } from "./transport-failure.ts";

/** What goes over the wire in one piece where the transport would take more: fits every Ethernet without fragments of IP. */
const PREFERRED_DATAGRAM_BYTES = 1_400;

/** What a fragment's other members take in bytes. */
const FRAGMENT_HEAD_BYTES = 128;

/** From this size on bytes change hands instead of being copied. */
const TRANSFER_BYTES = 65_536;

const TICK: Tick = { type: "tick" };

assert(parentPort !== null, "the pulse runs in a worker thread");
const port = parentPort;
const start: PulseStart = workerData;

function say(message: FromPulse): void {
  const bytes = message.type === "deliver" ? message.bytes : undefined;
  const whole =
    bytes !== undefined && bytes.byteLength >= TRANSFER_BYTES && bytes.byteLength === bytes.buffer.byteLength;
  if (whole && bytes.buffer instanceof ArrayBuffer) port.postMessage(message, [bytes.buffer]);
  else port.postMessage(message);
}

/** The pulse of this node, once its transport is open. */
class Pulse {
  readonly #transport: OpenedTransport;
  readonly #closing: AbortController;
  readonly #counters: PeerCounters;
  readonly #codec = createDatagramCodec();
  readonly #seal: Seal;
  readonly #names: ReadonlyMap<number, string>;
  readonly #driver: Driver<PulseInput, PulseEffect>;

  constructor(transport: OpenedTransport, closing: AbortController) {
    const { cluster, key, self, peers, incarnation, featureLevel, chain, timing } = start;
    const numbers = peers.map((peer) => peer.number);
    this.#transport = transport;
    this.#closing = closing;
    this.#counters = new PeerCounters(cluster, peers);
    this.#names = new Map(peers.map((peer) => [peer.number, peer.id]));
    this.#seal = new Seal({ key, cluster, self: self.number, incarnation, featureLevel, peers: numbers });
    const datagramBytes = Math.min(transport.provides.maxBytes, PREFERRED_DATAGRAM_BYTES);
    this.#driver = new Driver({
      machine: createPulse({
        ...timing,
        self: self.number,
        incarnation,
        featureLevel,
        peers: numbers,
        links: transport.connection.links,
        fragmentBytes: datagramBytes - SEAL_BYTES - FRAGMENT_HEAD_BYTES,
        chain,
      }),
      perform: (effect, atMs) => this.#perform(effect, atMs),
      onBug: reportBug,
      timers: realTimers,
    });
  }

  start(): void {
    say({ type: "ready", links: this.#transport.connection.links });
    this.#driver.wake();
  }

  /** A datagram has arrived, sealed. */
  receive(from: string, link: number, sealed: Uint8Array): void {
    const atMs = nowMs();
    const opened = this.#seal.open(sealed);
    if (typeof opened === "string") {
      this.#drop(from, link, opened, sealed, atMs);
      return;
    }
    const decoded = this.#codec.decode(opened.bytes);
    if ("rejection" in decoded) this.#drop(from, link, decoded.rejection.code, sealed, atMs);
    else if (decoded.value.incarnation !== opened.incarnation) this.#drop(from, link, "wrong-life", sealed, atMs);
    else {
      this.#counters.received(this.#names.get(opened.from) ?? from, link, atMs);
      this.#driver.input({ type: "datagram", from: opened.from, link, datagram: decoded.value });
    }
  }

  /** The main thread has said something. */
  hear(message: ToPulse): void {
    switch (message.type) {
      case "submit":
        for (const { to, bytes } of message.messages) this.#driver.input({ type: "submit", to, bytes });
        break;
      case "alive":
      case "chain":
      case "shun":
      case "leave":
        this.#driver.input(message);
        break;
      case "confirm":
        // A step notices that time has passed and says what follows from it, before the answer.
        this.#driver.input(TICK);
        this.#driver.wake();
        say({ type: "confirmed", id: message.id });
        break;
      case "report":
        say({ type: "report", id: message.id, report: this.#counters.report(nowMs()) });
        break;
      case "close":
        void this.#close();
        break;
    }
  }

  #perform(effect: PulseEffect, atMs: number): void {
    switch (effect.type) {
      case "send": {
        const name = this.#names.get(effect.to);
        if (name === undefined) break;
        this.#counters.sent(name);
        this.#transport.connection.send(
          name,
          effect.link,
          this.#seal.seal(effect.to, this.#codec.encode(effect.datagram)),
        );
        break;
      }
      case "view": {
        const detectedAfterMs: Record<string, number> = {};
        for (const [id, heardMs] of Object.entries(effect.lastHeardMs))
          detectedAfterMs[id] = Math.max(0, atMs - heardMs);
        say({ type: "view", view: effect.view, detectedAfterMs });
        break;
      }
      default:
        say(effect);
    }
  }

  #drop(
    from: string,
    link: number,
    cause: Parameters<PeerCounters["dropped"]>[2],
    sealed: Uint8Array,
    atMs: number,
  ): void {
    const note = this.#counters.dropped(from, link, cause, sealed, atMs);
    if (note !== undefined) say({ type: "note", ...note });
  }

  async #close(): Promise<void> {
    this.#driver.stop();
    this.#closing.abort();
    await this.#transport.connection.close();
    port.close();
  }
}

/** The main thread ends the process with it: this thread has no log and no last word of its own. */
function reportBug(error: unknown): void {
  say({ type: "bug", text: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}

async function run(): Promise<void> {
  const closing = new AbortController();
  let pulse: Pulse | undefined;
  const { name, parameters } = start.transport;
  const plain = ({ id, addresses }: PulseNode) => ({ id, addresses });
  try {
    const transport = await openTransport({
      name,
      parameters,
      self: plain(start.self),
      peers: start.peers.map(plain),
      sink: { datagram: (from, link, bytes) => pulse?.receive(from, link, bytes) },
      plugins: start.plugins,
      pluginsBase: start.pluginsBase,
      stateDirectory: start.stateDirectory,
      log: (line) => say({ type: "log", line }),
      signal: closing.signal,
    });
    pulse = new Pulse(transport, closing);
  } catch (error) {
    say({ type: "failed", ...transportFailure(error, name) });
    port.close();
    return;
  }
  const running = pulse;
  port.on("message", (message: ToPulse) => running.hear(message));
  running.start();
}

run().catch((error: unknown) => say({ type: "bug", text: errorText(error) }));
