// One direction of the channel, where it ends: puts the pieces in order, joins them to messages and acknowledges.

import type { Acknowledge, Fragment } from "../membership/datagram.ts";
import type { Incarnation } from "../membership/view.ts";
import { faultPlanted, type Plantable } from "../planted-fault.ts";

/** Pieces kept behind a gap at most; at least what a sender has in flight. */
const MAX_BEHIND_GAP = 128;

/** Pieces after a gap that one acknowledgement lists. */
const MAX_ALSO = 64;

/** A message larger than this is refused: its sender could not have queued it. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

/** Messages that wait for the view which makes their sender a member. */
const MAX_EARLY_MESSAGES = 1024;
const MAX_EARLY_BYTES = 16 * 1024 * 1024;

/** An acknowledgement that nothing hurries waits this long, or for so many pieces. */
const ACKNOWLEDGE_DELAY_MS = 2;
const ACKNOWLEDGE_EVERY = 8;

/** Receives one stream. */
export class Receiver {
  readonly from: Incarnation;
  readonly stream: number;
  /** Messages that are complete, in order. Emptied by the channel once their sender is a member. */
  ready: Uint8Array[] = [];
  private readyBytes = 0;
  private readonly config: Plantable;
  private upTo = 0;
  private readonly behindGap = new Map<number, Fragment>();
  private pieces: Uint8Array[] = [];
  private pieceBytes = 0;
  private unacknowledged = 0;
  private acknowledgeAtMs: number | undefined;

  constructor(from: Incarnation, stream: number, config: Plantable) {
    this.config = config;
    this.from = from;
    this.stream = stream;
  }

  /** Takes a piece. `early`: its sender is not a member yet, so what waits is bounded. */
  take(fragment: Fragment, early: boolean, nowMs: number): void {
    const { sequence } = fragment;
    if (early && (this.ready.length >= MAX_EARLY_MESSAGES || this.readyBytes + this.pieceBytes > MAX_EARLY_BYTES))
      return;
    if (sequence <= this.upTo && faultPlanted(this.config, "duplicate-piece-taken")) this.append(fragment);
    if (sequence <= this.upTo || sequence > this.upTo + MAX_BEHIND_GAP || this.behindGap.has(sequence)) {
      // A duplicate means that the acknowledgement was lost.
      this.acknowledgeAtMs = nowMs;
      return;
    }
    if (sequence > this.upTo + 1) {
      this.behindGap.set(sequence, fragment);
      this.acknowledgeAtMs = nowMs;
      return;
    }
    this.append(fragment);
    let next = this.behindGap.get(this.upTo + 1);
    const filledGap = next !== undefined;
    while (next !== undefined) {
      this.behindGap.delete(next.sequence);
      this.append(next);
      next = this.behindGap.get(this.upTo + 1);
    }
    this.unacknowledged += 1;
    const atOnce = filledGap || this.unacknowledged >= ACKNOWLEDGE_EVERY;
    if (atOnce) this.acknowledgeAtMs = nowMs;
    else this.acknowledgeAtMs ??= nowMs + ACKNOWLEDGE_DELAY_MS;
  }

  private append(fragment: Fragment): void {
    this.upTo = fragment.sequence;
    this.pieceBytes += fragment.bytes.length;
    if (this.pieceBytes <= MAX_MESSAGE_BYTES) this.pieces.push(fragment.bytes);
    if (!fragment.last) return;
    if (this.pieceBytes <= MAX_MESSAGE_BYTES) {
      this.ready.push(this.join());
      this.readyBytes += this.pieceBytes;
    }
    this.pieces = [];
    this.pieceBytes = 0;
  }

  private join(): Uint8Array {
    if (this.pieces.length === 1) return this.pieces[0]!;
    const whole = new Uint8Array(this.pieceBytes);
    let offset = 0;
    for (const piece of this.pieces) {
      whole.set(piece, offset);
      offset += piece.length;
    }
    return whole;
  }

  /** Hands over what is complete. */
  drain(): readonly Uint8Array[] {
    const messages = this.ready;
    if (messages.length > 0) {
      this.ready = [];
      this.readyBytes = 0;
    }
    return messages;
  }

  deadlineMs(): number {
    return this.acknowledgeAtMs ?? Number.POSITIVE_INFINITY;
  }

  /** The acknowledgement that is due, if one is. */
  acknowledgement(self: Incarnation, nowMs: number): Acknowledge | undefined {
    if (this.acknowledgeAtMs === undefined || nowMs < this.acknowledgeAtMs) return undefined;
    this.acknowledgeAtMs = undefined;
    this.unacknowledged = 0;
    const also = this.behindGap.size === 0 ? [] : [...this.behindGap.keys()].sort((a, b) => a - b).slice(0, MAX_ALSO);
    return { type: "acknowledge", incarnation: self, to: this.from, stream: this.stream, upTo: this.upTo, also };
  }
}
