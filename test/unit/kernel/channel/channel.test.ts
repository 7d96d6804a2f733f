import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Channel, type ChannelEffect } from "../../../../runtime/kernel/channel/channel.ts";
import { MAX_BURST_FRAGMENTS, MAX_QUEUED_BYTES, STALL_LIMIT_MS } from "../../../../runtime/kernel/channel/sender.ts";
import type { View } from "../../../../runtime/kernel/membership/view.ts";
import { EventQueue } from "../../../sim/queue.ts";
import { Random } from "../../../sim/random.ts";

function view(number: number, ids: readonly number[]): View {
  const members = ids.map((id) => ({ id, incarnation: 1, featureLevel: 1, primaryNumber: 0, seniority: 0 }));
  return { id: { number, proposer: ids[0] ?? 0 }, members, departures: [] };
}

interface WireOptions {
  readonly seed?: number;
  readonly loss?: number;
  readonly duplicates?: number;
  readonly latencyMs?: readonly [number, number];
}

/** Two channels and the wire between them, under virtual time. */
class Wire {
  readonly queue = new EventQueue();
  readonly got = new Map<number, Uint8Array[]>([
    [1, []],
    [2, []],
  ]);
  readonly broken: number[] = [];
  sent = 0;
  largestBurst = 0;
  loss: number;
  private readonly options: WireOptions;
  private readonly random: Random;
  private readonly ends = new Map<number, Channel>();

  constructor(options: WireOptions = {}) {
    this.options = options;
    this.loss = options.loss ?? 0;
    this.random = new Random(`wire/${options.seed ?? 1}`);
    for (const self of [1, 2]) this.ends.set(self, new Channel({ self, incarnation: 1, fragmentBytes: 1000 }));
  }

  join(number = 1): void {
    for (const id of [1, 2]) this.view(id, view(number, [1, 2]));
  }

  view(id: number, next: View): void {
    this.take(id, this.end(id).step({ type: "view", view: next }, this.queue.nowMs));
  }

  submit(from: number, bytes: Uint8Array, to = 3 - from): void {
    this.take(from, this.end(from).step({ type: "submit", to, bytes }, this.queue.nowMs));
  }

  run(forMs: number): void {
    this.queue.runUntil(this.queue.nowMs + forMs, () => false);
  }

  private end(id: number): Channel {
    const end = this.ends.get(id);
    assert.ok(end);
    return end;
  }

  private take(id: number, effects: readonly ChannelEffect[]): void {
    let burst = 0;
    for (const effect of effects) {
      if (effect.type === "deliver") this.got.get(id)?.push(effect.bytes);
      else if (effect.type === "broken") this.broken.push(effect.peer);
      else {
        if (effect.datagram.type === "fragment") burst += 1;
        this.carry(id, effect);
      }
    }
    this.largestBurst = Math.max(this.largestBurst, burst);
    const deadlineMs = this.end(id).deadlineMs();
    if (deadlineMs === undefined) return;
    this.queue.at(deadlineMs, () => {
      const due = this.end(id).deadlineMs();
      if (due !== undefined && due <= this.queue.nowMs)
        this.take(id, this.end(id).step({ type: "tick" }, this.queue.nowMs));
    });
  }

  private carry(from: number, { to, datagram }: Extract<ChannelEffect, { type: "send" }>): void {
    this.sent += 1;
    const copies = this.random.chance(this.options.duplicates ?? 0) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.random.chance(this.loss)) continue;
      const [shortest, longest] = this.options.latencyMs ?? [0.2, 0.3];
      this.queue.after(this.random.between(shortest, longest), () => {
        this.take(to, this.end(to).step({ type: "datagram", from, datagram }, this.queue.nowMs));
      });
    }
  }
}

function message(size: number, mark: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = (mark + i * 7) & 255;
  return bytes;
}

function assertGot(wire: Wire, at: number, wanted: readonly Uint8Array[]): void {
  const got = wire.got.get(at) ?? [];
  assert.equal(got.length, wanted.length);
  for (const [i, bytes] of wanted.entries())
    assert.ok(Buffer.from(bytes).equals(got[i] ?? new Uint8Array()), `message ${i}`);
}

describe("channel", () => {
  it("delivers whole messages in order, of any size, empty ones too", () => {
    const wire = new Wire();
    wire.join();
    const messages = [0, 1, 999, 1000, 1001, 5000, 0, 123_456].map(message);
    for (const bytes of messages) wire.submit(1, bytes);
    wire.run(100);
    assertGot(wire, 2, messages);
  });

  it("delivers to itself at once", () => {
    const wire = new Wire();
    wire.submit(1, message(3, 1), 1);
    assertGot(wire, 1, [message(3, 1)]);
  });

  it("random sizes over a wire that loses, doubles and reorders: each once and in order, both ways", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Random(`messages/${seed}`);
      const wire = new Wire({
        seed,
        loss: random.between(0, 0.3),
        duplicates: 0.2,
        latencyMs: [0.1, random.between(0.2, 8)],
      });
      wire.join();
      const messages = Array.from({ length: 30 }, (_, i) =>
        message(random.integer(0, random.chance(0.1) ? 60_000 : 2500), i),
      );
      for (const bytes of messages) {
        wire.submit(1, bytes);
        wire.submit(2, bytes);
        wire.run(random.between(0, 3));
      }
      wire.run(30_000);
      assertGot(wire, 1, messages);
      assertGot(wire, 2, messages);
    }
  });

  it("one lost piece costs about a round trip, not a timeout", () => {
    const wire = new Wire();
    wire.join();
    wire.submit(1, message(20_000, 1));
    wire.run(20);
    const before = wire.sent;
    let fragments = 0;
    wire.loss = 0;
    const dropOne = wire.queue.nowMs;
    wire.loss = 1;
    wire.submit(1, message(10, 2));
    wire.loss = 0;
    for (let i = 3; i < 8; i++) wire.submit(1, message(10, i));
    wire.run(4);
    assert.equal(wire.got.get(2)?.length, 7);
    fragments = wire.sent - before;
    assert.ok(fragments < 20, `${fragments} datagrams since ${dropOne}`);
  });

  it("a lost last piece is repeated after a short timeout", () => {
    const wire = new Wire();
    wire.join();
    for (let i = 0; i < 20; i++) {
      wire.submit(1, message(10, i));
      wire.run(2);
    }
    wire.loss = 1;
    wire.submit(1, message(10, 99));
    wire.loss = 0;
    wire.run(15);
    assert.equal(wire.got.get(2)?.length, 21);
  });

  it("sends bounded bursts, and many megabytes a second", () => {
    const wire = new Wire({ latencyMs: [0.2, 0.3] });
    wire.join();
    const bytes = message(8_000_000, 5);
    wire.submit(1, bytes);
    wire.run(200);
    assertGot(wire, 2, [bytes]);
    assert.ok(wire.largestBurst <= MAX_BURST_FRAGMENTS);
  });

  it("is silent when nothing is to be said", () => {
    const wire = new Wire();
    wire.join();
    wire.submit(1, message(5000, 1));
    wire.run(1000);
    const { sent } = wire;
    wire.run(60_000);
    assert.equal(wire.sent, sent);
  });
});

describe("channel and views", () => {
  it("drops what is for no member", () => {
    const wire = new Wire();
    wire.submit(1, message(10, 1));
    wire.run(100);
    assert.equal(wire.sent, 0);
  });

  it("keeps what comes before the view that makes its sender a member", () => {
    const wire = new Wire();
    wire.view(1, view(1, [1]));
    wire.view(2, view(1, [2]));
    wire.view(1, view(2, [1, 2]));
    wire.submit(1, message(3000, 1));
    wire.run(50);
    assert.equal(wire.got.get(2)?.length, 0);
    wire.view(2, view(2, [1, 2]));
    assertGot(wire, 2, [message(3000, 1)]);
  });

  it("goes on without loss through views that keep both", () => {
    const wire = new Wire({ loss: 0.2 });
    wire.join();
    const messages = Array.from({ length: 40 }, (_, i) => message(4000, i));
    for (const [i, bytes] of messages.entries()) {
      wire.submit(1, bytes);
      if (i % 10 === 9) wire.view(1, view(2 + i, [1, 2]));
      if (i % 10 === 4) wire.view(2, view(2 + i, [1, 2]));
      wire.run(1);
    }
    wire.run(5000);
    assertGot(wire, 2, messages);
  });

  it("what waited for a member that dropped out is gone, and nothing of before reaches the next stream", () => {
    const wire = new Wire({ latencyMs: [1, 30] });
    wire.join(1);
    for (let i = 0; i < 20; i++) wire.submit(1, message(3000, i));
    wire.run(3);
    wire.view(1, view(2, [1]));
    wire.view(2, view(2, [2]));
    wire.view(1, view(3, [1, 2]));
    wire.view(2, view(3, [1, 2]));
    const before = wire.got.get(2)?.length ?? 0;
    wire.submit(1, message(2500, 77));
    wire.run(2000);
    const after = wire.got.get(2)?.slice(before) ?? [];
    assert.equal(after.length, 1);
    assert.ok(Buffer.from(message(2500, 77)).equals(after[0] ?? new Uint8Array()));
  });

  it("says that a peer is too slow when too much waits, and that nothing gets through", () => {
    const full = new Wire({ loss: 1 });
    full.join();
    const chunk = new Uint8Array(MAX_QUEUED_BYTES / 4);
    for (let i = 0; i < 6; i++) full.submit(1, chunk);
    assert.deepEqual(full.broken, [2]);
    const stalled = new Wire({ loss: 1 });
    stalled.join();
    stalled.submit(1, message(10, 1));
    stalled.run(STALL_LIMIT_MS + 1000);
    assert.deepEqual(stalled.broken, [2]);
  });
});
