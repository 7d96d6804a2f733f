// One recipient: what it has still to be told, in order, one delivery at a time; when the next is tried, and what is given up.
//
// A delivery that fails is tried again after a pause that doubles. After a number of attempts the alert is given up, because the fault
// may be its own and others wait behind it. When too many wait, the oldest give way: who comes back after a day wants to know how things
// stand. What was given up is counted, and the recipient is told the count before anything else.
// A program (an alert agent of Pacemaker) is called once for each alert and hears of no count, as it is used to.

import type { Alert, DroppedAlert } from "../../../sdk/mod.ts";
import type { AlertCall, AlertOutcome } from "../calls.ts";
import type { UntimedEvent } from "../node-events.ts";
import { SINK_PREFIX, type Sink } from "./sinks.ts";

/** Alerts that may wait for one recipient. */
export const MAX_WAITING_ALERTS = 256;
/** How often one alert is tried. */
export const MAX_ATTEMPTS = 10;
/** Pause after the first failure; doubled after each further one in a row. */
export const FIRST_PAUSE_MS = 1_000;
export const LONGEST_PAUSE_MS = 60_000;

/** What the recipient needs of the node around it. */
export interface Post {
  /** The node that sends. */
  readonly sender: string;
  readonly nextCallId: () => number;
  call(call: AlertCall): void;
  tell(event: UntimedEvent): void;
}

type Item = "check" | "count" | "alert";

/** One recipient and its queue. */
export class Recipient {
  private sink: Sink;
  private readonly post: Post;
  private readonly queue: Alert[] = [];
  /** A look whether deliveries from here are possible at all: due when the recipient is new or has changed. */
  private checkDue = true;
  private countDue = false;
  private given: { count: number; last: Alert } | undefined;
  private call: { readonly id: number; readonly item: Item } | undefined;
  private attempts = 0;
  private failuresInARow = 0;
  private pausedUntilMs: number | undefined;
  private lastReason = "";
  /** `unusable`: a look from here is enough to say so. */
  private failing: "unusable" | "unreached" | undefined;
  /** Given up since it was last well, for telling of it at the 1st, 10th, 100th, ... */
  private givenUpInARow = 0;

  constructor(sink: Sink, post: Post) {
    this.sink = sink;
    this.post = post;
  }

  /** The recipient as it is configured now: a new wrong has to be seen at once, and an old one may have been put right. */
  configure(sink: Sink): void {
    if (JSON.stringify(asData(sink)) === JSON.stringify(asData(this.sink))) return;
    this.sink = sink;
    this.checkDue = true;
    this.countDue = this.given !== undefined;
    this.pausedUntilMs = undefined;
    this.attempts = 0;
    this.failuresInARow = 0;
  }

  get callId(): number | undefined {
    return this.call?.id;
  }

  /** Whether something is still to be delivered. */
  get busy(): boolean {
    return this.queue.length > 0;
  }

  deadlineMs(): number | undefined {
    return this.call === undefined ? this.pausedUntilMs : undefined;
  }

  /** What is wrong, in a sentence, while it is. */
  get problem(): string | undefined {
    if (this.failing === undefined) return undefined;
    const waiting = this.queue.length === 0 ? "" : ` ${this.queue.length} wait.`;
    return `Alerts to ${this.name} do not get through from ${this.post.sender}: ${sentence(this.lastReason)}${waiting}`;
  }

  add(alert: Alert): void {
    this.queue.push(alert);
    if (this.queue.length <= MAX_WAITING_ALERTS) return;
    // The one that is on its way may still arrive.
    const [oldest] = this.queue.splice(this.call?.item === "alert" ? 1 : 0, 1);
    if (oldest !== undefined) this.giveUp(oldest, `${MAX_WAITING_ALERTS} alerts waited for it already`);
  }

  /** Starts the next delivery, if it is time. */
  proceed(nowMs: number): void {
    if (this.call !== undefined) return;
    if (this.pausedUntilMs !== undefined && this.pausedUntilMs > nowMs) return;
    this.pausedUntilMs = undefined;
    const [first] = this.queue;
    if (this.checkDue) this.begin("check");
    else if (this.countDue && this.given !== undefined) this.begin("count", this.countOf(this.given));
    else if (first !== undefined) this.begin("alert", first);
  }

  outcome(outcome: AlertOutcome, nowMs: number): void {
    const item = this.call?.item;
    this.call = undefined;
    if (item === undefined) return;
    if (outcome.outcome === "done") {
      this.done(item);
      return;
    }
    this.lastReason = outcome.reason;
    this.attempts += 1;
    const lasting = outcome.outcome === "refused" || this.isProgram || this.attempts >= MAX_ATTEMPTS;
    if (this.failing === undefined) this.tellFailure(item, outcome.outcome === "refused");
    this.failing = outcome.outcome === "refused" ? "unusable" : "unreached";
    if (lasting) this.abandon(item);
    if (outcome.outcome === "refused" || this.isProgram) return;
    this.failuresInARow += 1;
    const pauseMs = FIRST_PAUSE_MS * 2 ** Math.min(this.failuresInARow - 1, MAX_ATTEMPTS);
    this.pausedUntilMs = nowMs + Math.min(pauseMs, LONGEST_PAUSE_MS);
  }

  private begin(item: Item, alert?: Alert): void {
    const { sink, post } = this;
    const id = post.nextCallId();
    this.call = { id, item };
    const { id: sinkId, path, parameters, recipient } = sink;
    const to = { id: sinkId, path, parameters, ...(recipient === undefined ? {} : { recipient }) };
    post.call({ id, sink: to, ...(alert === undefined ? {} : { alert }), timeoutMs: sink.timeoutMs });
  }

  private done(item: Item): void {
    this.attempts = 0;
    this.failuresInARow = 0;
    this.pausedUntilMs = undefined;
    if (item === "check") {
      this.checkDue = false;
      if (this.failing === "unusable") this.tellWorks("can be delivered");
      return;
    }
    if (item === "alert") this.queue.shift();
    else {
      this.countDue = false;
      this.given = undefined;
    }
    if (this.failing !== undefined) this.tellWorks("get through");
  }

  private tellWorks(what: string): void {
    this.failing = undefined;
    this.givenUpInARow = 0;
    const text = `Alerts to ${this.name} ${what} from ${this.post.sender} again.`;
    this.post.tell({ kind: "alert", code: "alert-works", text, severity: "info", resource: this.sink.id });
  }

  /** No further attempt at this. */
  private abandon(item: Item): void {
    this.attempts = 0;
    if (item === "check") this.checkDue = false;
    else if (item === "count") this.countDue = false;
    else {
      const alert = this.queue.shift();
      if (alert !== undefined) this.giveUp(alert, this.lastReason);
    }
  }

  private giveUp(alert: Alert, reason: string): void {
    this.lastReason = reason;
    this.given = { count: (this.given?.count ?? 0) + 1, last: alert };
    this.countDue = !this.isProgram;
    this.givenUpInARow += 1;
    if (!Number.isInteger(Math.log10(this.givenUpInARow))) return;
    const count = this.givenUpInARow === 1 ? "An alert was" : `${this.givenUpInARow} alerts were`;
    const told = this.isProgram ? "" : " It is told how many when it is back.";
    const text = `${count} given up, because ${this.name} did not take it from ${this.post.sender}: ${sentence(reason)}${told} The last one: ${alert.text}.`;
    this.post.tell({ kind: "alert", code: "alert-dropped", text, severity: "warning", resource: this.sink.id });
  }

  private tellFailure(item: Item, refused: boolean): void {
    const lasting = refused || this.isProgram;
    const next = lasting
      ? `Put it right in the alert ${this.sink.id}, or on this node; what is to be told until then is lost.`
      : `Each is tried up to ${MAX_ATTEMPTS} times, and up to ${MAX_WAITING_ALERTS} wait. Look at the recipient.`;
    const what =
      item === "check" ? `Alerts to ${this.name} cannot be delivered` : `An alert to ${this.name} did not get through`;
    const text = `${what} from ${this.post.sender}: ${sentence(this.lastReason)} ${next}`;
    const severity = refused ? "error" : "warning";
    this.post.tell({ kind: "alert", code: "alert-failed", text, severity, resource: this.sink.id });
  }

  /** Takes the place in the order of the last one that is gone, so that numbers keep growing. */
  private countOf({ count, last }: { readonly count: number; readonly last: Alert }): DroppedAlert {
    const reason = this.lastReason;
    const text = `${count === 1 ? "An alert before this one was" : `${count} alerts before this one were`} given up: ${reason}`;
    const { sequence, epochMs, timestamp, cluster, sender, recipient } = last;
    const deliveryId = `${last.deliveryId}-dropped`;
    const common = { deliveryId, sequence, epochMs, timestamp, sender, text };
    const more = { ...(cluster === undefined ? {} : { cluster }), ...(recipient === undefined ? {} : { recipient }) };
    return { kind: "dropped", ...common, ...more, count, reason };
  }

  private get isProgram(): boolean {
    return !this.sink.path.startsWith(SINK_PREFIX);
  }

  private get name(): string {
    return `${this.sink.id} (${this.sink.path})`;
  }
}

function asData({ kinds, attributes, ...rest }: Sink): unknown {
  return { ...rest, kinds: [...kinds], attributes: attributes === undefined ? [] : [...attributes] };
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
