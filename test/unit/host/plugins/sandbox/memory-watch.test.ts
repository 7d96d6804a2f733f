// How often a guest's memory is looked at: seldom while it rests, often while it works or grows, and never after its end.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BUSY_LOOK_MS,
  type MemoryWatched,
  QUIET_LOOK_MS,
  watchMemory,
} from "../../../../../runtime/host/plugins/sandbox/memory-watch.ts";

const MIB = 1024 * 1024;

/** A guest whose memory the test decides on. */
class Guest implements MemoryWatched {
  bytes = 30 * MIB;
  working = false;
  looks = 0;
  excesses: number[] = [];
  readonly limitBytes = 128 * MIB;
  readonly look = (): number => {
    this.looks += 1;
    return this.bytes;
  };
  readonly busy = (): boolean => this.working;
  readonly excess = (bytes: number): void => void this.excesses.push(bytes);
}

test("a guest that rests is looked at seldom, one that works or grows often", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const guest = new Guest();
  const watch = watchMemory(guest);
  const looksIn = (ms: number, each: () => void = () => undefined): number => {
    const before = guest.looks;
    for (let passed = 0; passed < ms; passed += 10) {
      t.mock.timers.tick(10);
      each();
    }
    return guest.looks - before;
  };
  looksIn(1_000);
  assert.equal(looksIn(10_000), 10_000 / QUIET_LOOK_MS);
  guest.working = true;
  watch.stir();
  assert.equal(looksIn(BUSY_LOOK_MS), 1);
  assert.equal(looksIn(1_000), 1_000 / BUSY_LOOK_MS);
  guest.working = false;
  looksIn(BUSY_LOOK_MS + QUIET_LOOK_MS);
  assert.equal(looksIn(5_000), 5_000 / QUIET_LOOK_MS);
  // Out of its rest, by 1 MiB in 10 ms.
  const often = looksIn(1_000, () => {
    guest.bytes += 0.5 * MIB;
  });
  assert.ok(often >= (1_000 - QUIET_LOOK_MS) / BUSY_LOOK_MS, `${often} looks`);
  guest.bytes = 129 * MIB;
  looksIn(2_000);
  assert.deepEqual(guest.excesses, [129 * MIB]);
  assert.equal(looksIn(5_000), 0, "nothing is looked at afterwards");
  watch.stop();
});

test("all watches look at the same moments, and a stopped one no more", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const guests = [new Guest(), new Guest(), new Guest()];
  const moments = guests.map(() => new Set<number>());
  const watches = guests.map((guest, index) => {
    t.mock.timers.tick(37);
    const look = (): number => {
      moments[index]?.add(Date.now());
      return guest.look();
    };
    return watchMemory({ look, limitBytes: guest.limitBytes, busy: guest.busy, excess: guest.excess });
  });
  t.mock.timers.tick(2_000);
  for (const set of moments) set.clear();
  for (let turn = 0; turn < 500; turn += 1) t.mock.timers.tick(10);
  assert.deepEqual(moments[0], moments[1]);
  assert.deepEqual(moments[0], moments[2]);
  for (const watch of watches) {
    watch.stop();
    watch.stir();
  }
  for (const set of moments) set.clear();
  t.mock.timers.tick(5_000);
  assert.deepEqual(
    [...moments].map(({ size }) => size),
    [0, 0, 0],
  );
});
