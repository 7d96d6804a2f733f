import assert from "node:assert/strict";
import { test } from "node:test";
import { openLimits } from "../../../../runtime/host/plugins/limits.ts";
import type { PluginEvent } from "../../../../runtime/host/plugins/types.ts";

function bench() {
  const events: PluginEvent[] = [];
  const clock = { nowMs: 0 };
  const limits = openLimits(
    (event) => events.push(event),
    () => clock.nowMs,
  );
  return { events, clock, limits };
}

/** How many of so many attempts are allowed. */
function allowed(attempts: number, attempt: (number: number) => void): number {
  let done = 0;
  for (let number = 0; number < attempts; number += 1) {
    try {
      attempt(number);
      done += 1;
    } catch (error) {
      assert.equal(Reflect.get(Object(error), "code"), "plugin-excess");
    }
  }
  return done;
}

test("changes of attributes are counted in a time, refused beyond, and told once", () => {
  const { events, clock, limits } = bench();
  const one = limits.of("agents/x", "r1");
  assert.equal(
    allowed(100, () => one.count("attributes")),
    20,
  );
  assert.deepEqual(
    events.map(({ code, text, resource }) => [code, text, resource]),
    [
      [
        "plugin-excess",
        "agents/x (for r1) has made 20 changes of node attributes and scores within 10 s, so no more are made. Do less of it in the plugin: a value that has not changed need not be said again, and what is begun is awaited before the next.",
        "r1",
      ],
    ],
  );
  limits.of("agents/x", "r2").count("attributes");
  one.count("state");
  clock.nowMs = 10_000;
  assert.equal(
    allowed(100, () => limits.of("agents/x", "r1").count("attributes")),
    20,
  );
  assert.equal(events.length, 1, "told again only after a while");
  clock.nowMs = 700_000;
  allowed(21, () => one.count("attributes"));
  assert.equal(events.length, 2);
});

test("an instance sets only so many different attributes", () => {
  const { limits } = bench();
  const one = limits.of("agents/x", "r1");
  assert.equal(
    allowed(1_000, (number) => one.countName(`a${number}`)),
    64,
  );
  one.countName("a7");
});

test("programs, requests and searches are counted while they are under way", async () => {
  const { events, limits } = bench();
  const one = limits.of("agents/x", "r1");
  const ends: (() => void)[] = [];
  const works = Array.from({ length: 20 }, () =>
    one.during("run", () => new Promise<void>((resolve) => ends.push(resolve))),
  );
  const settled = Promise.allSettled(works);
  for (const end of ends) end();
  const refused = (await settled).filter(({ status }) => status === "rejected");
  assert.deepEqual([ends.length, refused.length, events.length], [16, 4, 1]);
  await one.during("run", async () => undefined);
  await assert.rejects(
    one.during("processes", async () => {
      throw new Error("no /proc");
    }),
    /no \/proc/,
  );
  assert.equal(events.length, 1, "what failed is over");
});
