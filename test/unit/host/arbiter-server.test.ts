// The server of `systole arbiter`: conditional requests, the token, and what stands on the disk when somebody was told so.

import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openArbiterServer } from "../../../runtime/host/arbiter-server.ts";
import { RegisterStore } from "../../../runtime/host/register-store.ts";
import { realFiles } from "../../../runtime/host/store/files.ts";

const TOKEN = "f".repeat(64);

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "systole-arbiter-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function serve(t: TestContext, store: RegisterStore) {
  const log: string[] = [];
  const broken: unknown[] = [];
  const server = await openArbiterServer({
    ...{ address: "127.0.0.1", port: 0, store, token: TOKEN },
    log: (text) => log.push(text),
    onBroken: (error) => broken.push(error),
  });
  t.after(() => server.close());
  const ask = async (method: string, path: string, headers: Record<string, string> = {}, body?: string) => {
    const all = { authorization: `Bearer ${TOKEN}`, connection: "close", ...headers };
    const url = `http://127.0.0.1:${server.port}${path}`;
    const response = await fetch(url, {
      signal: AbortSignal.timeout(10_000),
      method,
      headers: all,
      ...(body === undefined ? {} : { body }),
    });
    return { status: response.status, etag: response.headers.get("etag") ?? "", text: await response.text() };
  };
  return { ask, log, broken };
}

test("a register is created once, read with its tag, and replaced by who has read it last", async (t) => {
  const folder = folderOf(t);
  const { ask } = await serve(t, new RegisterStore(folder));
  const at = "/registers/shop";
  assert.equal((await ask("GET", at)).status, 404);
  const created = await ask("PUT", at, { "if-none-match": "*" }, "one");
  assert.equal(created.status, 204);
  assert.equal((await ask("PUT", at, { "if-none-match": "*" }, "two")).status, 412);
  const first = await ask("GET", at);
  assert.deepEqual([first.status, first.text, first.etag], [200, "one", created.etag]);
  const second = await ask("PUT", at, { "if-match": first.etag }, "two");
  assert.equal(second.status, 204);
  assert.equal((await ask("PUT", at, { "if-match": first.etag }, "three")).status, 412);
  // The same text again is another content.
  const again = await ask("PUT", at, { "if-match": second.etag }, "one");
  assert.notEqual(again.etag, first.etag);
  assert.equal((await ask("PUT", at, { "if-match": first.etag }, "four")).status, 412);
  assert.equal((await ask("GET", "/registers/other")).status, 404, "each its own");
  const later = await serve(t, new RegisterStore(folder));
  assert.deepEqual(await later.ask("GET", at), { status: 200, text: "one", etag: again.etag });
});

test("of many at once exactly one replaces", async (t) => {
  const { ask } = await serve(t, new RegisterStore(folderOf(t)));
  const at = "/registers/shop";
  const { etag } = await ask("PUT", at, { "if-none-match": "*" }, "0");
  const tries = await Promise.all(
    Array.from({ length: 20 }, (_, index) => ask("PUT", at, { "if-match": etag }, `${index + 1}`)),
  );
  assert.deepEqual(tries.map(({ status }) => status).sort(), [204, ...Array(19).fill(412)]);
  const winner = tries.findIndex(({ status }) => status === 204);
  assert.equal((await ask("GET", at)).text, `${winner + 1}`);
});

test("without the token, without a condition, with a wrong name, method or size, nothing is done", async (t) => {
  const folder = folderOf(t);
  const { ask } = await serve(t, new RegisterStore(folder));
  const at = "/registers/shop";
  const create = { "if-none-match": "*" };
  for (const authorization of ["", "Bearer x", `Basic ${TOKEN}`, `Bearer ${TOKEN}f`]) {
    assert.equal((await ask("PUT", at, { ...create, authorization }, "x")).status, 401, authorization);
    assert.equal((await ask("GET", at, { authorization })).status, 401, authorization);
  }
  assert.equal((await ask("PUT", at, {}, "x")).status, 428);
  for (const wrong of ["*", "x", 'W/"x"', '"a", "b"']) {
    assert.equal((await ask("PUT", at, { "if-match": wrong }, "x")).status, 400, wrong);
  }
  assert.equal((await ask("PUT", at, { "if-match": '"x"', ...create }, "x")).status, 400);
  for (const path of ["/", "/registers/", "/registers/../token", "/registers/a/b", "/registers/.hidden", "/token"]) {
    assert.equal((await ask("PUT", path, create, "x")).status, 404, path);
  }
  assert.equal((await ask("DELETE", at)).status, 405);
  assert.equal((await ask("PUT", at, create, "x".repeat(70_000))).status, 413);
  assert.deepEqual(readdirSync(folder), []);
});

test("what is not as it was written is not told as empty, and a disk that fails ends the server", async (t) => {
  const folder = folderOf(t);
  writeFileSync(join(folder, "torn.register"), '{"text":"on');
  const { ask, broken } = await serve(t, new RegisterStore(folder));
  const torn = await ask("GET", "/registers/torn");
  assert.equal(torn.status, 500);
  assert.match(torn.text, /not as it was written.*Remove it/);
  assert.equal((await ask("PUT", "/registers/torn", { "if-none-match": "*" }, "x")).status, 500);
  assert.equal(broken.length, 0, "other registers are well");
  const failing = { ...realFiles, syncDirectory: () => Promise.reject(new Error("EIO")) };
  const other = await serve(t, new RegisterStore(folder, failing));
  assert.equal((await other.ask("PUT", "/registers/shop", { "if-none-match": "*" }, "x")).status, 500);
  assert.equal(other.broken.length, 1);
});
