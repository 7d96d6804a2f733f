// Attempts over the pipe, by processes that are no guests. A host that believes what it reads is deceived; the real one ends
// the process with a clause that says what it did, and nothing else happens.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findDeno } from "../../../runtime/host/plugins/sandbox/program.ts";
import { GuestGone, GuestSession } from "../../../runtime/host/plugins/sandbox/session.ts";
import { IMPOSTORS, impostorSource } from "./impostors.ts";
import { deceive } from "./naive-host.ts";
import { quietContext, sandboxProgram } from "./places.ts";

const deno = findDeno();
const skip = deno === undefined ? "there is no Deno for this platform (npm package deno)" : false;
const LIMIT = { timeout: 60_000, skip };
const folder = mkdtempSync(join(tmpdir(), "systole-pipe-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const LOAD = { name: "x", source: "", kinds: [], apis: [] };
const CALL = { member: "monitor", arguments: [], contextAt: 0, params: {}, node: "n", resource: "r" };

async function openSession(source: string, ended: (why: string) => void): Promise<GuestSession> {
  const session = new GuestSession(await sandboxProgram(deno ?? "", source), folder, { log: () => undefined, ended });
  await session.load(LOAD);
  return session;
}

for (const { name, attack, deceived, end } of IMPOSTORS) {
  test(`over the pipe: ${name}`, LIMIT, async (t) => {
    const naive = await deceive(deno ?? "", attack);
    t.diagnostic(`outside: ${deceived(naive) ? "deceived" : "held"}`);
    assert.ok(deceived(naive), "a host that believes what it reads is deceived");
    let why = "";
    const session = await openSession(impostorSource(attack), (said) => {
      why = said;
    });
    // What it answers honestly before the attack may stand; afterwards it is gone.
    const answer = await session
      .call(CALL, quietContext({}, AbortSignal.timeout(20_000)))
      .catch((error: unknown) => error);
    if (why === "") await assert.rejects(session.call(CALL, quietContext({}, AbortSignal.timeout(20_000))), GuestGone);
    t.diagnostic(`pipe: held (${why.slice(0, 120)})`);
    assert.match(why, end);
    assert.notEqual(answer, "forged");
    assert.notEqual(answer, "second");
    assert.equal(Reflect.get({}, "polluted"), undefined);
  });
}

test("over the pipe: a guest that ignores every wish to end", LIMIT, async () => {
  const deaf = `Deno.addSignalListener("SIGTERM", () => undefined); setInterval(() => undefined, 1_000); say({ id, result: "deaf" });`;
  const session = await openSession(impostorSource(deaf), () => undefined);
  assert.equal(await session.call(CALL, quietContext({}, AbortSignal.timeout(20_000))), "deaf");
  const { pid } = session;
  assert.ok(pid !== undefined);
  await session.close();
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
});
