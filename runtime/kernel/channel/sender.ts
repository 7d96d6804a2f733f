// One direction of the channel, where it starts: cuts messages into pieces and keeps each until it was acknowledged.
//
// A lost piece shows by later ones that arrived (three of them) or by the timeout, which follows the measured round trip.
// The window shrinks when pieces are lost and grows while they are not, so a receiver whose socket buffer overflows is
// not flooded; and a step sends a bounded burst, so heartbeats never wait behind bulk data.

import type { Acknowledge, Fragment } from "../membership/datagram.ts";
import type { Incarnation } from "../membership/view.ts";

/** Pieces in flight at most: what the default receive buffer of a UDP socket holds at 1,400 bytes each. */
export const MAX_WINDOW_FRAGMENTS = 64;
const MIN_WINDOW_FRAGMENTS = 8;

/** Pieces that one step sends to one peer at most. */
export const MAX_BURST_FRAGMENTS = 32;

/** Bytes that wait for one peer at most; when more pile up the peer is too slow to be a member. */
export const MAX_QUEUED_BYTES = 64 * 1024 * 1024;

/** Nothing acknowledged for so long, though the peer is heard: the channel is broken. */
export const STALL_LIMIT_MS = 5_000;

const FIRST_TIMEOUT_MS = 50;
const MIN_TIMEOUT_MS = 10;
const MAX_TIMEOUT_MS = 500;
/** A piece is lost when one this much later has arrived. */
const REORDER_FRAGMENTS = 3;
/** … and so many round trips have passed since it was sent. */
const LATE_ROUND_TRIPS = 1.5;

interface Outgoing {
  readonly fragment: Fragment;
  sentMs: number;
  tries: number;
  acked: boolean;
  lost: boolean;
}

/** Who speaks to whom. */
export interface StreamEnds {
  readonly incarnation: Incarnation;
  readonly to: Incarnation;
  readonly stream: number;
  readonly fragmentBytes: number;
}

/** Sends one stream. */
export class Sender {
  readonly ends: StreamEnds;
  private readonly queue: Uint8Array[] = [];
  private queueHead = 0;
  /** Bytes of the first queued message that were cut off already. */
  private cutBytes = 0;
  private queuedBytes = 0;
  private flight: Outgoing[] = [];
  private nextSequence = 1;
  /** Pieces on the way: sent, neither acknowledged nor lost. */
  private underway = 0;
  private lostCount = 0;
  private window = MAX_WINDOW_FRAGMENTS / 2;
  private smoothedMs: number | undefined;
  private variationMs = 0;
  private timeoutMs = FIRST_TIMEOUT_MS;
  private timeoutAtMs: number | undefined;
  private progressMs = 0;
  /** The highest piece that arrived behind a gap, and when the first piece of the gap counts as lost. */
  private highestArrived = 0;
  private gapAtMs: number | undefined;
  /** The window is not shrunk twice for the losses of one flight. */
  private recoverAfter = 0;

  constructor(ends: StreamEnds) {
    this.ends = ends;
  }

  /** Queues a message. False when too much waits already. */
  submit(bytes: Uint8Array, nowMs: number): boolean {
    if (this.queuedBytes + bytes.length > MAX_QUEUED_BYTES) return false;
    if (this.flight.length === 0) this.progressMs = nowMs;
    this.queue.push(bytes);
    this.queuedBytes += bytes.length;
    return true;
  }

  /** What may go out now, at most a burst. */
  pump(nowMs: number): Fragment[] {
    const burst: Fragment[] = [];
    if (this.lostCount > 0) this.resend(burst, nowMs);
    while (burst.length < MAX_BURST_FRAGMENTS && this.hasNew() && this.roomInWindow()) {
      const fragment = this.cut();
      this.flight.push({ fragment, sentMs: nowMs, tries: 1, acked: false, lost: false });
      this.underway += 1;
      burst.push(fragment);
    }
    if (this.flight.length > 0) this.timeoutAtMs ??= nowMs + this.timeoutMs;
    return burst;
  }

  /** Something could go out at once, only the burst was full. */
  isEager(): boolean {
    return (this.lostCount > 0 && this.underway < this.window) || (this.hasNew() && this.roomInWindow());
  }

  deadlineMs(): number {
    return Math.min(this.timeoutAtMs ?? Number.POSITIVE_INFINITY, this.gapAtMs ?? Number.POSITIVE_INFINITY);
  }

  isStalled(nowMs: number): boolean {
    return this.flight.length > 0 && nowMs - this.progressMs > STALL_LIMIT_MS;
  }

  private hasNew(): boolean {
    return this.queueHead < this.queue.length;
  }

  /** The window bounds what is on the way, and the flight what the receiver would have to keep behind a gap. */
  private roomInWindow(): boolean {
    return this.underway < this.window && this.flight.length < 2 * MAX_WINDOW_FRAGMENTS;
  }

  private resend(burst: Fragment[], nowMs: number): void {
    for (const outgoing of this.flight) {
      if (burst.length >= MAX_BURST_FRAGMENTS || this.underway >= this.window) return;
      if (!outgoing.lost) continue;
      outgoing.lost = false;
      outgoing.sentMs = nowMs;
      outgoing.tries += 1;
      this.lostCount -= 1;
      this.underway += 1;
      burst.push(outgoing.fragment);
    }
  }

  private cut(): Fragment {
    const message = this.queue[this.queueHead]!;
    const { incarnation, to, stream, fragmentBytes } = this.ends;
    const end = Math.min(this.cutBytes + fragmentBytes, message.length);
    const last = end === message.length;
    // Most messages are one piece, and go as they are.
    const bytes = last && this.cutBytes === 0 ? message : message.subarray(this.cutBytes, end);
    this.queuedBytes -= bytes.length;
    this.cutBytes = last ? 0 : end;
    if (last) this.queueHead += 1;
    if (this.queueHead > 32 && this.queueHead * 2 > this.queue.length) {
      this.queue.splice(0, this.queueHead);
      this.queueHead = 0;
    }
    const fragment: Fragment = { type: "fragment", incarnation, to, stream, sequence: this.nextSequence, last, bytes };
    this.nextSequence += 1;
    return fragment;
  }

  /** Takes an acknowledgement of this stream. */
  acknowledge(ack: Acknowledge, nowMs: number): void {
    if (ack.upTo >= this.nextSequence) return;
    const first = this.flight[0]?.fragment.sequence ?? this.nextSequence;
    const done = Math.max(0, ack.upTo - first + 1);
    let news = 0;
    for (let i = 0; i < done; i++) news += this.mark(this.flight[i]!, nowMs);
    this.flight.splice(0, done);
    const base = this.flight[0]?.fragment.sequence ?? this.nextSequence;
    for (const sequence of ack.also) {
      const outgoing = this.flight[sequence - base];
      if (outgoing === undefined) continue;
      news += this.mark(outgoing, nowMs);
      this.highestArrived = Math.max(this.highestArrived, sequence);
    }
    if (this.highestArrived > ack.upTo) this.findGaps(nowMs);
    else this.gapAtMs = undefined;
    if (news === 0) return;
    this.progressMs = nowMs;
    if (this.flight.length < this.window) this.window = Math.min(MAX_WINDOW_FRAGMENTS, this.window + news);
    this.timeoutMs = this.usualTimeoutMs();
    this.timeoutAtMs = this.flight.length > 0 ? nowMs + this.timeoutMs : undefined;
  }

  private mark(outgoing: Outgoing, nowMs: number): number {
    if (outgoing.acked) return 0;
    outgoing.acked = true;
    if (outgoing.lost) this.lostCount -= 1;
    else this.underway -= 1;
    outgoing.lost = false;
    if (outgoing.tries === 1) this.measure(nowMs - outgoing.sentMs);
    return 1;
  }

  private measure(roundTripMs: number): void {
    if (this.smoothedMs === undefined) {
      this.smoothedMs = roundTripMs;
      this.variationMs = roundTripMs / 2;
      return;
    }
    this.variationMs += (Math.abs(roundTripMs - this.smoothedMs) - this.variationMs) / 4;
    this.smoothedMs += (roundTripMs - this.smoothedMs) / 8;
  }

  private usualTimeoutMs(): number {
    const wanted = (this.smoothedMs ?? FIRST_TIMEOUT_MS) + 4 * this.variationMs;
    return Math.min(MAX_TIMEOUT_MS, Math.max(MIN_TIMEOUT_MS, wanted));
  }

  /** A piece behind which others arrived is lost when it has also had the time to come late: datagrams do overtake. */
  private findGaps(nowMs: number): void {
    const lateMs = LATE_ROUND_TRIPS * (this.smoothedMs ?? FIRST_TIMEOUT_MS);
    this.gapAtMs = undefined;
    for (const outgoing of this.flight) {
      const { sequence } = outgoing.fragment;
      if (sequence > this.highestArrived - REORDER_FRAGMENTS) return;
      if (outgoing.acked || outgoing.lost) continue;
      const lostAtMs = outgoing.sentMs + lateMs * outgoing.tries;
      if (nowMs < lostAtMs) this.gapAtMs = Math.min(lostAtMs, this.gapAtMs ?? lostAtMs);
      else {
        this.lose(outgoing);
        if (sequence >= this.recoverAfter) this.shrinkWindow();
      }
    }
  }

  private lose(outgoing: Outgoing): void {
    outgoing.lost = true;
    this.lostCount += 1;
    this.underway -= 1;
  }

  private shrinkWindow(): void {
    this.window = Math.max(MIN_WINDOW_FRAGMENTS, Math.floor(this.window / 2));
    this.recoverAfter = this.nextSequence;
  }

  /** After the timeout everything on the way is taken as lost. */
  expire(nowMs: number): void {
    if (this.gapAtMs !== undefined && nowMs >= this.gapAtMs) this.findGaps(nowMs);
    if (this.timeoutAtMs === undefined || nowMs < this.timeoutAtMs) return;
    for (const outgoing of this.flight) {
      if (!outgoing.acked && !outgoing.lost) this.lose(outgoing);
    }
    this.shrinkWindow();
    this.timeoutMs = Math.min(MAX_TIMEOUT_MS, this.timeoutMs * 2);
    this.timeoutAtMs = nowMs + this.timeoutMs;
  }
}
