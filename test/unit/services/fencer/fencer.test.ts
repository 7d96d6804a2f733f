import assert from "node:assert/strict";
import { test } from "node:test";
import { parseXml } from "../../../../runtime/compat/xml.ts";
import type { DeviceCall, DeviceOutcome } from "../../../../runtime/services/calls.ts";
import { READ_AGAIN_FIRST_MS } from "../../../../runtime/services/fencer/fence.ts";
import {
  Fencer,
  type FencerEffect,
  type FencerInput,
  LAST_READ_MS,
  MAX_FENCE_HISTORY,
} from "../../../../runtime/services/fencer/fencer.ts";

function device(id: string, settings: Record<string, string> = {}, type = "systole:dummy"): string {
  const pairs = Object.entries(settings).map(
    ([name, value]) => `<nvpair id="${id}-${name}" name="${name}" value="${value}"/>`,
  );
  return `<primitive id="${id}" class="stonith" type="${type}"><instance_attributes id="${id}-ia">${pairs.join("")}</instance_attributes></primitive>`;
}

function cib(resources: string, more = ""): string {
  return `<cib><configuration><crm_config/><nodes/><resources>${resources}</resources>${more}</configuration><status/></cib>`;
}

/** A fencer on n1 of three nodes. */
class Bench {
  nowMs = 1000;
  readonly calls: { node: number; call: DeviceCall }[] = [];
  readonly outcomes: (FencerEffect & { type: "fence-outcome" })[] = [];
  readonly aborted: number[] = [];
  readonly fencer: Fencer;

  constructor(xml: string, random = 0.5) {
    let id = 0;
    const nextCallId = () => {
      id += 1;
      return id;
    };
    const nodes = [1, 2, 3].map((number) => ({ id: number, name: `n${number}` }));
    this.fencer = new Fencer({ self: 1, nodes, random: () => random, nextCallId });
    this.give({ type: "cib", cib: parseXml(xml) });
    this.give({ type: "members", members: [1, 2] });
  }

  give(input: FencerInput): void {
    for (const effect of this.fencer.step(input, this.nowMs)) {
      if (effect.type === "device-call") this.calls.push(effect);
      else if (effect.type === "fence-outcome") this.outcomes.push(effect);
      else if (effect.type === "device-abort") this.aborted.push(effect.id);
    }
  }

  fence(action: "off" | "reboot" | "on" = "off", more: { target?: string; delayMs?: number } = {}): void {
    const { target = "n3", delayMs = 0 } = more;
    this.give({ type: "fence", target, action, timeoutMs: 60_000, delayMs, why: "it is lost" });
  }

  answer(outcome: DeviceOutcome): void {
    this.give({ type: "device-outcome", id: this.calls.at(-1)?.call.id ?? 0, outcome });
  }

  done(): void {
    this.answer({ outcome: "done" });
  }

  power(power: "on" | "off" | "unknown"): void {
    this.answer({ outcome: "power", power });
  }

  tickTo(nowMs: number): void {
    this.nowMs = nowMs;
    this.give({ type: "tick" });
  }

  /** To the next deadline. */
  tick(): void {
    const deadlineMs = this.fencer.deadlineMs();
    assert(deadlineMs !== undefined);
    this.tickTo(Math.max(this.nowMs, deadlineMs));
  }

  get log(): string[] {
    return this.calls.map(
      ({ node, call }) => `n${node} ${call.device.id} ${call.verb}${call.want ? ` ${call.want}` : ""} ${call.target}`,
    );
  }
}

test("off is set, read at once, and counts only as read", () => {
  const bench = new Bench(cib(device("power")));
  bench.fence();
  bench.done();
  bench.power("on");
  assert.equal(bench.outcomes.length, 0);
  assert.equal(bench.fencer.deadlineMs(), bench.nowMs + READ_AGAIN_FIRST_MS);
  bench.tick();
  bench.power("off");
  assert.deepEqual(bench.log, ["n1 power setPower off n3", "n1 power power n3", "n1 power power n3"]);
  assert.equal(bench.outcomes[0]?.ok, true);
  assert.equal(bench.outcomes[0]?.record.device, "power");
  assert.equal(bench.fencer.deadlineMs(), undefined);
});

test("a reboot is confirmed at off; that on fails takes nothing back", () => {
  const bench = new Bench(cib(device("power")));
  bench.fence("reboot");
  bench.done();
  bench.power("off");
  assert.equal(bench.outcomes.length, 1);
  assert.equal(bench.outcomes[0]?.ok, true);
  assert.equal(bench.log.at(-1), "n1 power setPower on n3");
  for (let i = 0; i < 8 && bench.fencer.underWay.length > 0; i++) {
    bench.answer({ outcome: "error", reason: "broken" });
    if (bench.fencer.underWay.length > 0) bench.tick();
  }
  bench.tickTo(200_000);
  bench.tickTo(400_000);
  assert.equal(bench.outcomes.length, 1);
  assert.deepEqual(
    bench.fencer.history.map((record) => record.state),
    ["done"],
  );
});

test("an error of the switch is no verdict: the power is read all the same", () => {
  const bench = new Bench(cib(device("power")));
  bench.fence();
  bench.answer({ outcome: "error", reason: "session lost" });
  bench.power("off");
  assert.equal(bench.outcomes[0]?.ok, true);
});

test("a device that refuses is read once and tried again, then the next one has its turn; nobody waits for the deadline", () => {
  const bench = new Bench(cib(device("a") + device("b")));
  bench.fence();
  const startedMs = bench.nowMs;
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    bench.answer({ outcome: "error", reason: "no such outlet" });
    bench.power("on");
    if (attempt === 1) bench.tick();
  }
  assert.equal(bench.calls.at(-1)?.call.device.id, "b");
  assert.ok(bench.nowMs - startedMs <= READ_AGAIN_FIRST_MS);
  assert.deepEqual(bench.outcomes, []);
});

test("a device that lies never confirms; the next one is tried, and without one the fence fails", () => {
  const bench = new Bench(cib(device("a") + device("b")));
  bench.fence();
  for (let i = 0; i < 1000 && bench.outcomes.length === 0; i++) {
    const call = bench.calls.at(-1)?.call;
    const before = bench.calls.length;
    if (call?.verb === "setPower") bench.done();
    else bench.power("on");
    if (bench.outcomes.length === 0 && bench.calls.length === before) bench.tick();
  }
  assert.equal(bench.outcomes[0]?.ok, false);
  assert.match(bench.outcomes[0]?.record.text ?? "", /b: the power is still read as on/);
  assert(bench.log.includes("n1 b setPower off n3"));
  assert(bench.nowMs >= 1000 + 2 * 59_000, "both devices had their time");
});

test("a device that hangs is aborted, read once more, tried again, then given up", () => {
  const bench = new Bench(cib(device("power")));
  bench.fence();
  bench.tickTo(31_000);
  assert.equal(bench.aborted.length, 1);
  assert.equal(bench.log.at(-1), "n1 power power n3");
  bench.tickTo(31_000 + LAST_READ_MS);
  assert.equal(bench.aborted.length, 2);
  bench.tick();
  assert.equal(bench.log.at(-1), "n1 power setPower off n3");
  bench.tickTo(120_000);
  bench.tickTo(240_000);
  assert.equal(bench.outcomes[0]?.ok, false);
});

test("levels in their order; all devices of a level are switched off before any is switched on", () => {
  const topology = `<fencing-topology><fencing-level id="l2" target="n3" index="2" devices="b,c"/><fencing-level id="l1" target="n3" index="1" devices="a"/></fencing-topology>`;
  const bench = new Bench(cib(device("a", { pcmk_reboot_retries: "1" }) + device("b") + device("c"), topology));
  bench.fence("reboot");
  for (let i = 0; i < 100 && !bench.log.includes("n1 b setPower off n3"); i++) {
    bench.answer({ outcome: "error", reason: "no route" });
    if (bench.fencer.deadlineMs() !== undefined && !bench.log.includes("n1 b setPower off n3")) bench.tick();
  }
  const from = bench.calls.length - 1;
  bench.done();
  bench.power("off");
  bench.done();
  assert.equal(bench.outcomes.length, 0, "half a level is no fence");
  bench.power("off");
  assert.equal(bench.outcomes[0]?.ok, true);
  assert.equal(bench.outcomes[0]?.record.device, "b,c");
  bench.done();
  bench.power("on");
  bench.done();
  bench.power("on");
  assert.deepEqual(
    bench.log.slice(from).filter((line) => line.includes("setPower")),
    ["n1 b setPower off n3", "n1 c setPower off n3", "n1 b setPower on n3", "n1 c setPower on n3"],
  );
});

test("who asks again joins, and off is the stronger wish", () => {
  const bench = new Bench(cib(device("power")));
  bench.fence("reboot");
  bench.fence("off");
  assert.equal(bench.calls.length, 1);
  bench.done();
  bench.power("off");
  assert.equal(bench.outcomes.length, 1);
  assert.equal(bench.fencer.underWay.length, 0, "it stays off");
});

test("pcmk_host_list, pcmk_host_map and pcmk_reboot_action", () => {
  const other = device("a", { pcmk_host_list: "n1 n2" });
  const mapped = device("b", { pcmk_host_map: "n3:port7;n2:port8", pcmk_reboot_action: "off", address: "1.2.3.4" });
  const bench = new Bench(cib(other + mapped));
  bench.fence("reboot");
  assert.deepEqual(bench.log, ["n1 b setPower off port7"]);
  assert.deepEqual(bench.calls[0]?.call.device.parameters, { address: "1.2.3.4" });
  bench.done();
  bench.power("off");
  assert.equal(bench.fencer.underWay.length, 0);
});

test("a script gets its pcmk_ parameters as well", () => {
  const bench = new Bench(cib(device("a", { pcmk_host_list: "n3" }, "fence_apc")));
  bench.fence();
  assert.deepEqual(bench.calls[0]?.call.device.parameters, { pcmk_host_list: "n3" });
});

test("delays: the base of the device, what is random of it, and what was asked for", () => {
  const bench = new Bench(cib(device("power", { pcmk_delay_base: "2s", pcmk_delay_max: "4s" })), 0.5);
  bench.fence("off", { delayMs: 1000 });
  assert.equal(bench.calls.length, 0);
  assert.equal(bench.fencer.deadlineMs(), 1000 + 1000 + 3000);
  bench.tick();
  assert.equal(bench.calls.length, 1);
  const perNode = new Bench(cib(device("power", { pcmk_delay_base: "n1:5s;n3:1s" })));
  perNode.fence();
  assert.equal(perNode.fencer.deadlineMs(), 2000);
});

test("the victim never switches itself; a banned node lets another one do it; if it is lost the try has failed", () => {
  const ban = `<constraints><rsc_location id="l" rsc="power" node="n1" score="-INFINITY"/></constraints>`;
  const bench = new Bench(cib(device("power"), ban));
  bench.fence();
  assert.deepEqual(bench.log, ["n2 power setPower off n3"]);
  bench.give({ type: "members", members: [1] });
  for (let i = 0; i < 10 && bench.outcomes.length === 0; i++) bench.tick();
  assert.equal(bench.outcomes[0]?.ok, false);
  assert.match(bench.outcomes[0]?.record.text ?? "", /no node that is here may use power/);
  const self = new Bench(cib(device("power")));
  self.fence("off", { target: "n1" });
  assert.deepEqual(self.log, ["n2 power setPower off n1"]);
});

test("without a device the fence fails in words", () => {
  const bench = new Bench(cib(""));
  bench.fence();
  assert.equal(bench.outcomes[0]?.ok, false);
  assert.match(bench.outcomes[0]?.record.text ?? "", /no fence device is configured for n3/);
});

test("on is read as on", () => {
  const bench = new Bench(cib(device("power")));
  bench.fence("on");
  bench.done();
  bench.power("on");
  assert.deepEqual(bench.log, ["n1 power setPower on n3", "n1 power power n3"]);
  assert.equal(bench.outcomes[0]?.ok, true);
});

test("what another coordinator has fenced is remembered once, in the order of time", () => {
  const bench = new Bench(cib(device("a")));
  const record = (target: string, epochMs: number) => ({
    target,
    action: "off" as const,
    state: "done" as const,
    epochMs,
  });
  bench.give({ type: "fence-records", records: [record("n3", 20), record("n2", 10)] });
  bench.give({ type: "fence-records", records: [record("n3", 20)] });
  assert.deepEqual(
    bench.fencer.history.map(({ target }) => target),
    ["n2", "n3"],
  );
});

test("the history is bounded", () => {
  const bench = new Bench(cib(""));
  for (let i = 0; i < MAX_FENCE_HISTORY + 10; i++) bench.fence();
  assert.equal(bench.fencer.history.length, MAX_FENCE_HISTORY);
});
