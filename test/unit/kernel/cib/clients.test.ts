import assert from "node:assert/strict";
import { test } from "node:test";
import { Clients } from "../../../../runtime/kernel/cib/clients.ts";
import type { ChangeOutcome, ChangeRequest } from "../../../../runtime/kernel/messages.ts";

const REFUSED: ChangeOutcome = { outcome: "refused", code: "no-quorum", reason: "No." };

function request(id: string): ChangeRequest {
  return { id, edits: [], who: "w", why: "y" };
}

test("what was sent to a primary view is not refused by one that is not", () => {
  const clients = new Clients(1000);
  clients.ask(request("a"), 0);
  clients.sent("a", true);
  assert.equal(clients.answer("a", REFUSED, false), undefined);
  assert.deepEqual(
    clients.sendAll(false).map((open) => open.id),
    ["a"],
  );
  const [answer] = clients.expire(1000);
  assert.ok(answer?.type === "answer" && answer.outcome.outcome === "unknown");
  assert.deepEqual(clients.expire(5000), []);
});

test("a refusal of a primary view is believed, and one of another view when nothing went to a primary one", () => {
  const clients = new Clients(1000);
  clients.ask(request("a"), 0);
  clients.sent("a", true);
  assert.ok(clients.answer("a", REFUSED, true));
  clients.ask(request("b"), 0);
  clients.sent("b", false);
  assert.ok(clients.answer("b", REFUSED, false));
});

test("ids have a bound, and so have open requests", () => {
  const clients = new Clients(1000);
  for (const id of ["", "x".repeat(300)]) {
    const effect = clients.ask(request(id), 0);
    assert.ok(effect?.type === "answer" && effect.outcome.outcome === "refused" && effect.outcome.code === "bad-id");
  }
  for (let i = 0; i < 4096; i += 1) assert.equal(clients.ask(request(`r${i}`), 0), undefined);
  const effect = clients.ask(request("one more"), 0);
  assert.ok(effect?.type === "answer" && effect.outcome.outcome === "refused" && effect.outcome.code === "busy");
  assert.equal(clients.giveUpAll("Stopping.").length, 4096);
});

test("what was meant for one view only is answered when another begins", () => {
  const clients = new Clients(1000);
  clients.ask(request("status"), 0, true);
  clients.ask(request("later"), 0);
  clients.sent("status", true);
  const effects = clients.viewChanged();
  assert.deepEqual(
    effects.map((effect) => (effect.type === "answer" ? [effect.requestId, effect.outcome.outcome] : [])),
    [["status", "unknown"]],
  );
  assert.deepEqual(
    clients.sendAll(true).map(({ id }) => id),
    ["later"],
  );
});
