import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Membership } from "../../../../runtime/kernel/membership/membership.ts";
import type { View } from "../../../../runtime/kernel/membership/view.ts";
import { PulseNet, type PulseNetOptions } from "../../../sim/pulse-net.ts";

/** Two round trips of the slowest datagram, and as much again for timers that fire a little apart. */
const AGREEMENT_MS = 4 * 2 * 0.5;

/** A network whose nodes have all formed one view and come to rest. */
function formed(options: PulseNetOptions): PulseNet {
  const net = new PulseNet(options);
  net.startAll();
  assert.ok(
    net.runUntil(() => net.agree(net.ids), 2000),
    "the nodes form a view",
  );
  net.run(550);
  return net;
}

function assertAgree(net: PulseNet, ids: readonly number[], withinMs: number): void {
  const fromMs = net.nowMs;
  const seen = () => net.ids.map((id) => `${id}: ${net.membersSeenBy(id)}`).join("; ");
  assert.ok(
    net.runUntil(() => net.agree(ids), withinMs),
    `${ids.join(" ")} agree within ${withinMs} ms; seen: ${seen()}`,
  );
  assert.ok(net.nowMs - fromMs <= withinMs);
}

function viewsOf(net: PulseNet, node: number, sinceMs = 0): View[] {
  return net.events.flatMap((event) =>
    event.node === node && event.atMs >= sinceMs && event.effect.type === "view" ? [event.effect.view] : [],
  );
}

function codes(net: PulseNet, node: number, sinceMs = 0): string[] {
  return net.events.flatMap((event) =>
    event.node === node && event.atMs >= sinceMs && event.effect.type === "note" ? [event.effect.code] : [],
  );
}

describe("membership: start", () => {
  for (const nodes of [1, 2, 3, 5, 16, 64]) {
    it(`${nodes} nodes that start together form one view, not one merge after another`, () => {
      const net = new PulseNet({ nodes });
      net.startAll();
      assertAgree(net, net.ids, 50);
      for (const id of net.ids) assert.equal(viewsOf(net, id).length, nodes === 1 ? 1 : 2);
      const view = net.viewOf(1);
      net.run(1500);
      assert.deepEqual(net.viewOf(1), view, "nothing changes after that");
    });
  }

  it("does not wait for nodes that are not there", () => {
    const net = new PulseNet({ nodes: 5 });
    net.start(2);
    assert.equal(net.membersSeenBy(2), "2");
    net.start(4);
    assertAgree(net, [2, 4], 150);
  });

  it("numbers views above the last primary view on disk", () => {
    const net = new PulseNet({ nodes: 2 });
    net.start(1);
    net.input(1, { type: "chain", chain: { primaryNumber: 41, seniority: 7 } });
    net.start(2);
    assertAgree(net, [1, 2], 200);
    const view = net.viewOf(2);
    assert.ok((view?.id.number ?? 0) > 41);
    assert.deepEqual(view?.members[0], { id: 1, incarnation: 1, featureLevel: 1, primaryNumber: 41, seniority: 7 });
  });
});

describe("membership: failures", () => {
  for (const nodes of [2, 3, 5, 16, 64]) {
    it(`${nodes} nodes: from a death to the next view is the detection timeout and round trips`, () => {
      const net = formed({ nodes });
      const diedMs = net.nowMs;
      const victim = Math.ceil(nodes / 2);
      net.crash(victim);
      const rest = net.ids.filter((id) => id !== victim);
      assertAgree(net, rest, 1000 + AGREEMENT_MS);
      for (const id of rest) {
        const views = viewsOf(net, id, diedMs);
        assert.equal(views.length, 1, "one view, no detour");
        assert.deepEqual(views[0]?.departures, [{ id: victim, incarnation: 1, cause: "silent" }]);
      }
    });
  }

  it("tells when the departed was last heard", () => {
    const net = formed({ nodes: 3 });
    net.crash(3);
    net.run(1100);
    const event = net.events.findLast((each) => each.node === 1 && each.effect.type === "view");
    assert.ok(event?.effect.type === "view");
    const heardMs = event.effect.lastHeardMs["3"] ?? 0;
    assert.ok(event.atMs - heardMs >= 1000 && event.atMs - heardMs <= 1000 + AGREEMENT_MS);
    assert.deepEqual(Object.keys(event.effect.lastHeardMs), ["3"]);
  });

  it("the lowest node dies: the next one proposes, as fast", () => {
    const net = formed({ nodes: 5 });
    net.crash(1);
    assertAgree(net, [2, 3, 4, 5], 1000 + AGREEMENT_MS);
  });

  it("several die at once", () => {
    const net = formed({ nodes: 7 });
    for (const id of [1, 2, 5]) net.crash(id);
    assertAgree(net, [3, 4, 6, 7], 1000 + AGREEMENT_MS);
  });

  it("somebody who starts just now does not delay the view without the dead", () => {
    const net = new PulseNet({ nodes: 5 });
    for (const id of [1, 2, 3, 4]) net.start(id);
    net.run(600);
    net.crash(4);
    net.run(990);
    net.start(5);
    assertAgreeWithout(net, [1, 2, 3], 4, 12 + AGREEMENT_MS);
    assertAgree(net, [1, 2, 3, 5], 200);
  });

  it("a survivor whose last heartbeat of the victim was lost answers as soon as the others know", () => {
    const net = formed({ nodes: 3 });
    net.cut(3, 2);
    net.run(150);
    net.crash(3);
    assertAgree(net, [1, 2], 1000 + AGREEMENT_MS);
  });

  it("a lost propose, accept or install costs a short repeat, not a detection time", () => {
    for (const lost of ["propose", "accept", "install"]) {
      const net = formed({ nodes: 4 });
      net.crash(4);
      let drops = 0;
      net.filter = (_from, _to, _link, datagram) => datagram.type !== lost || ++drops > 2;
      assertAgree(net, [1, 2, 3], 1000 + 60);
      assert.ok(drops >= 2, `${lost} datagrams were lost`);
    }
  });

  it("an install that its proposer could not deliver before it died is brought by another member", () => {
    const net = formed({ nodes: 4 });
    net.crash(4);
    net.filter = (from, to, _link, datagram) => !(datagram.type === "install" && from === 1 && to === 3);
    assert.ok(net.runUntil(() => net.membersSeenBy(2) === "1 2 3", 1100));
    net.crash(1);
    assertAgree(net, [2, 3], 1000 + 60);
  });
});

function assertAgreeWithout(net: PulseNet, ids: readonly number[], gone: number, withinMs: number): void {
  const without = (id: number) => net.viewOf(id)?.members.every((member) => member.id !== gone) === true;
  assert.ok(
    net.runUntil(() => ids.every(without), withinMs),
    `node ${gone} is out within ${withinMs} ms`,
  );
}

describe("membership: cuts", () => {
  it("a partition makes one view a side, and one again when it heals", () => {
    const net = formed({ nodes: 5 });
    net.partition([1, 2], [3, 4, 5]);
    assertAgree(net, [1, 2], 1100);
    assertAgree(net, [3, 4, 5], 10);
    const cutViews = [net.viewOf(1), net.viewOf(3)];
    net.run(3000);
    assert.deepEqual([net.viewOf(1), net.viewOf(3)], cutViews, "both sides rest");
    net.mendAll();
    assertAgree(net, [1, 2, 3, 4, 5], 300);
  });

  it("one direction cut: both stay with the others, the one with lower preference alone", () => {
    const net = formed({ nodes: 4 });
    net.cut(1, 4);
    assertAgree(net, [1, 2, 3], 1000 + 150);
    assert.ok(net.runUntil(() => net.membersSeenBy(4) === "4", 150));
    net.run(1);
    const at = net.nowMs;
    net.run(8000);
    assert.ok(net.agree([1, 2, 3]));
    assert.equal(viewsOf(net, 1, at).length, 0, "the view of the others rests");
    assert.equal(viewsOf(net, 4, at).length, 0);
    net.mend(1, 4);
    assertAgree(net, [1, 2, 3, 4], 6000);
  });

  it("seniority decides who stays when two no longer hear each other", () => {
    const net = formed({ nodes: 3 });
    net.crash(1);
    net.run(1100);
    const senior = net.viewOf(2)?.id.number ?? 0;
    for (const id of [2, 3]) net.input(id, { type: "chain", chain: { primaryNumber: senior, seniority: senior } });
    net.start(1);
    net.run(300);
    const now = net.viewOf(1)?.id.number ?? 0;
    net.input(1, { type: "chain", chain: { primaryNumber: now, seniority: now } });
    for (const id of [2, 3]) net.input(id, { type: "chain", chain: { primaryNumber: now, seniority: senior } });
    // The chain is carried by the next view, so one is made.
    net.partition([1, 2], [3]);
    net.run(1200);
    net.mendAll();
    net.run(500);
    assert.ok(net.agree([1, 2, 3]));
    net.cut(1, 3);
    net.cut(3, 1);
    assertAgree(net, [2, 3], 1000 + 150);
  });

  it("a chain of nodes settles on cliques and rests", () => {
    const net = new PulseNet({ nodes: 4 });
    for (const [a, b] of [
      [1, 3],
      [1, 4],
      [2, 4],
    ] as const) {
      net.partition([a], [b]);
    }
    net.startAll();
    net.run(1000);
    const at = net.nowMs;
    for (const id of net.ids) assert.match(net.membersSeenBy(id), /^(1 2|3 4)$/);
    net.run(10_000);
    for (const id of net.ids) assert.equal(viewsOf(net, id, at).length, 0);
  });

  it("whoever sits in the middle of a chain goes with the lower one, and the other is alone", () => {
    const net = formed({ nodes: 3 });
    net.partition([1], [2]);
    assertAgree(net, [1, 3], 1200);
    assert.ok(net.runUntil(() => net.membersSeenBy(2) === "2", 200));
    const at = net.nowMs;
    net.run(20_000);
    assert.equal(viewsOf(net, 1, at).length, 0);
  });

  it("one of two links cut changes nothing", () => {
    const net = formed({ nodes: 3, links: 2 });
    const at = net.nowMs;
    net.cut(1, 2, 0);
    net.cut(2, 1, 0);
    net.cut(3, 1, 1);
    net.run(5000);
    for (const id of net.ids) assert.equal(viewsOf(net, id, at).length, 0);
  });
});

describe("membership: lives", () => {
  it("a restart within the detection time: first a view without, then one with the new life", () => {
    const net = formed({ nodes: 3 });
    const at = net.nowMs;
    net.crash(2);
    net.run(20);
    net.start(2);
    assertAgree(net, [1, 2, 3], 300);
    const [first, second] = viewsOf(net, 1, at);
    assert.deepEqual(
      first?.members.map(({ id }) => id),
      [1, 3],
    );
    assert.deepEqual(first?.departures, [{ id: 2, incarnation: 1, cause: "restarted" }]);
    assert.deepEqual(
      second?.members.map(({ id, incarnation }) => [id, incarnation]),
      [
        [1, 1],
        [2, 2],
        [3, 1],
      ],
    );
    assert.deepEqual(second?.departures, []);
    assert.ok(codes(net, 1, at).includes("peer-restarted"));
  });

  it("datagrams of an earlier life are dropped", () => {
    const net = formed({ nodes: 2 });
    net.crash(2);
    net.run(20);
    net.start(2);
    net.run(500);
    const before = net.viewOf(1);
    const old = { type: "leave", incarnation: 1 } as const;
    net.input(1, { type: "datagram", from: 2, link: 0, datagram: old });
    net.run(500);
    assert.deepEqual(net.viewOf(1), before);
  });

  it("datagrams of strangers and of the departed are dropped and counted", () => {
    const net = new PulseNet({ nodes: 2 });
    const membership = new Membership(net.config(1, 1));
    const take = (from: number, incarnation: number) =>
      membership.step({ type: "datagram", from, link: 0, datagram: { type: "leave", incarnation } }, 100);
    take(9, 1);
    assert.equal(membership.dropped, 1);
    take(2, 3);
    assert.equal(membership.dropped, 1);
    take(2, 3);
    take(2, 2);
    assert.equal(membership.dropped, 3);
  });

  it("members go over to a larger view, not to one that is no larger", () => {
    const net = new PulseNet({ nodes: 5 });
    net.partition([1], [3, 4, 5]);
    net.start(1);
    net.start(2);
    assertAgree(net, [1, 2], 150);
    net.start(3);
    net.run(500);
    assert.ok(net.agree([1, 2]), "two for two");
    net.start(4);
    net.start(5);
    assertAgree(net, [2, 3, 4, 5], 500);
    assert.ok(net.runUntil(() => net.membersSeenBy(1) === "1", 50));
  });

  it("a clean leave costs no detection time", () => {
    const net = formed({ nodes: 4 });
    const at = net.nowMs;
    net.input(3, { type: "leave" });
    assertAgree(net, [1, 2, 4], AGREEMENT_MS);
    assert.deepEqual(net.viewOf(1)?.departures, [{ id: 3, incarnation: 1, cause: "left" }]);
    assert.ok(net.runUntil(() => net.events.some(({ node, effect }) => node === 3 && effect.type === "gone"), 50));
    assert.ok(net.nowMs - at < 60);
  });

  it("a leave is repeated when it is lost, and ends when nobody answers", () => {
    const net = formed({ nodes: 3 });
    let lost = 0;
    net.filter = (_from, _to, _link, datagram) => datagram.type !== "leave" || ++lost > 3;
    net.input(3, { type: "leave" });
    assertAgree(net, [1, 2], 120);
    const alone = formed({ nodes: 2 });
    alone.crash(1);
    alone.input(2, { type: "leave" });
    alone.run(1200);
    assert.ok(alone.events.some(({ node, effect }) => node === 2 && effect.type === "gone"));
  });

  it("who left cleanly is known to those who come later, until it comes back", () => {
    const net = new PulseNet({ nodes: 3 });
    net.start(1);
    net.start(2);
    net.run(300);
    net.input(2, { type: "leave" });
    net.run(100);
    net.start(3);
    net.run(300);
    assert.deepEqual(net.viewOf(3)?.departures, [{ id: 2, incarnation: 1, cause: "left" }]);
    net.start(2);
    net.run(300);
    assert.deepEqual(net.viewOf(3)?.departures, []);
  });
});

describe("membership: sleep", () => {
  it("a node that slept longer than the detection timeout is alone before anything else, then joins", () => {
    const net = formed({ nodes: 3 });
    net.pause(1);
    net.run(3000);
    assert.ok(net.agree([2, 3]));
    const at = net.nowMs;
    net.resume(1);
    const first = net.events.find(({ node, atMs }) => node === 1 && atMs >= at);
    assert.equal(first?.effect.type, "note");
    assert.equal(net.membersSeenBy(1), "1", "alone in the very step of waking, before what waited in its socket");
    assert.equal(codes(net, 1, at).includes("peer-silent"), false, "it does not blame the others");
    assertAgree(net, [1, 2, 3], 400);
  });

  it("even a message to submit finds it alone", () => {
    const net = formed({ nodes: 2 });
    net.pause(1);
    net.run(3000);
    net.events.length = 0;
    net.resume(1);
    net.input(1, { type: "submit", to: 2, bytes: new Uint8Array([1]) });
    const delivered = net.events.some(({ node, effect }) => node === 2 && effect.type === "deliver");
    assert.equal(delivered, false);
  });

  it("a short sleep is nobody's failure", () => {
    const net = formed({ nodes: 3 });
    const at = net.nowMs;
    net.pause(2);
    net.run(850);
    net.resume(2);
    net.run(2000);
    for (const id of net.ids) assert.equal(viewsOf(net, id, at).length, 0);
  });

  it("what waits in the socket is read before a peer is taken as silent", () => {
    const net = formed({ nodes: 2 });
    const at = net.nowMs;
    net.cut(2, 1);
    net.run(300);
    net.mendAll();
    net.pause(1);
    net.run(850);
    net.resume(1);
    net.run(1000);
    for (const id of net.ids) assert.equal(viewsOf(net, id, at).length, 0);
  });

  it("all sleep and wake: they join again", () => {
    const net = formed({ nodes: 3 });
    for (const id of net.ids) net.pause(id);
    net.run(5000);
    for (const id of net.ids) net.resume(id);
    for (const id of net.ids) assert.equal(net.membersSeenBy(id), String(id));
    assertAgree(net, [1, 2, 3], 500);
  });

  it("a main thread that hangs silences the pulse; the others go on without it", () => {
    const net = new PulseNet({ nodes: 3, mainSilenceMs: 700 });
    const turn = (until: (id: number) => number) => {
      for (const id of net.ids) {
        for (let ms = 0; ms < until(id); ms += 100) net.at(net.nowMs + ms, () => net.input(id, { type: "alive" }));
      }
    };
    net.startAll();
    turn((id) => (id === 2 ? 1000 : 6000));
    net.run(2600);
    const hung = net.events.filter(({ effect }) => effect.type === "hung");
    assert.deepEqual(
      hung.map(({ node }) => node),
      [2],
    );
    assert.ok(net.agree([1, 3]));
    net.input(2, { type: "alive" });
    assert.equal(net.membersSeenBy(2), "2", "it has been silent: it is alone");
    assertAgree(net, [1, 2, 3], 400);
  });

  it("who takes leave after his main thread has hung is gone, though nobody said before that it turns again", () => {
    const net = new PulseNet({ nodes: 2, mainSilenceMs: 700 });
    net.startAll();
    net.run(1500);
    assert.ok(net.events.some(({ node, effect }) => node === 2 && effect.type === "hung"));
    net.input(2, { type: "leave" });
    net.run(1000);
    assert.ok(net.events.some(({ node, effect }) => node === 2 && effect.type === "gone"));
  });
});
