// Attempts over the pipe, by processes that are no guests. A host that believes what it reads is deceived; the real one ends
// the process with a clause that says what it did, and nothing else happens.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
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
/** Does not listen to the polite signal. */
const DEAF = `Deno.addSignalListener("SIGTERM", () => undefined);`;
/** Longer than a host waits that is in earnest. */
const POLITE_MS = 1_000;
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

/** Whether a program goes on when its input has ended and it was asked to end. */
async function outlives(source: string): Promise<boolean> {
  const address = `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`;
  const child = spawn(deno ?? "", ["run", "-A", "--quiet", address], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.stdin.end();
  child.kill("SIGTERM");
  const ended = await Promise.race([once(child, "exit"), wait(POLITE_MS, undefined)]);
  child.kill("SIGKILL");
  return ended === undefined;
}

test("over the pipe: a guest that ignores every wish to end", LIMIT, async () => {
  const begun = `Deno.stdout.writeSync(new Uint8Array([10])); setInterval(() => undefined, 1_000);`;
  assert.equal(await outlives(`${DEAF} ${begun}`), true, "outside, a polite host waits for ever");
  assert.equal(await outlives(begun), false, "who does not mind ends when asked");
  const deaf = `${DEAF} setInterval(() => undefined, 1_000); say({ id, result: "deaf" });`;
  const session = await openSession(impostorSource(deaf), () => undefined);
  assert.equal(await session.call(CALL, quietContext({}, AbortSignal.timeout(20_000))), "deaf");
  const { pid } = session;
  assert.ok(pid !== undefined);
  await session.close();
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
});
