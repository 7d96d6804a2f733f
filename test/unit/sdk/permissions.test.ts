// Permissions are types: proven by the TypeScript compiler over small plugins. What is declared compiles, what is not declared
// does not, and the error names the capability.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "systole-types-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A resource agent with these permissions, whose start does this. */
function agent(permissions: string, start: string): string {
  return `import { defineResourceAgent, Type } from "systole/sdk";
export default defineResourceAgent({
  name: "probe", summary: "Probe", parameters: Type.Object({ port: Type.Integer({ default: 1 }) }), ${permissions}
  async monitor() { return "stopped"; },
  async start(ctx) { ${start} },
  async stop() {},
});
`;
}

/** The first plugin in the README: what people will paste. */
const readme =
  /```ts\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, "README.md"), "utf8"))?.[1] ?? "the README has no plugin";

/** File -> its text and what the compiler must say of it (nothing: it compiles). */
const SNIPPETS: Readonly<Record<string, { readonly text: string; readonly error?: RegExp }>> = {
  "declared.ts": { text: agent(`permissions: { run: ["ip"] },`, `await ctx.run("ip", ["-V"]);`) },
  "readme.ts": { text: readme },
  "nothing-declared.ts": { text: agent("", `await ctx.run("ip");`), error: /TS2339: Property 'run' does not exist/ },
  "other-declared.ts": {
    text: agent(`permissions: { net: ["{port}"] },`, `await ctx.fetch("http://a"); await ctx.run("ip");`),
    error: /TS2339: Property 'run' does not exist/,
  },
  "read-is-not-write.ts": {
    text: agent(
      `permissions: { read: ["/etc/*"] },`,
      `await ctx.fs.readText("/etc/x"); await ctx.fs.writeText("/etc/x", "");`,
    ),
    error: /TS2339: Property 'writeText' does not exist/,
  },
  "both.ts": {
    text: agent(
      `permissions: { read: ["/a"], write: ["/a"] },`,
      `await ctx.fs.readText("/a"); await ctx.fs.writeText("/a", "");`,
    ),
  },
  "no-score.ts": {
    text: agent(`permissions: { run: [] },`, "await ctx.promotionScore(1);"),
    error: /TS2339: Property 'promotionScore' does not exist/,
  },
  "unknown-permission.ts": { text: agent(`permissions: { root: ["yes"] },`, ""), error: /TS2322|TS2353/ },
  "parameters.ts": { text: agent("", "const port: number = ctx.params.port; void port;") },
  "unknown-parameter.ts": {
    text: agent("", "void ctx.params.prot;"),
    error: /TS2551: Property 'prot' does not exist|TS2339: Property 'prot'/,
  },
  "half-promotion.ts": {
    text: agent("promotion: { async promote() {} },", ""),
    error: /TS2741: Property 'demote' is missing/,
  },
  "wrong-state.ts": {
    text: agent("", "").replace('"stopped"', '"off"'),
    error: /TS2322: Type '.*"off".*' is not assignable|TS2322/,
  },
};

test("what is not declared does not compile", () => {
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const [file, { text }] of Object.entries(SNIPPETS)) writeFileSync(join(folder, file), text);
  const options = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: {
      noUnusedParameters: false,
      paths: { "systole/sdk": [join(ROOT, "sdk/mod.ts")] },
      typeRoots: [join(ROOT, "node_modules/@types")],
    },
    include: ["*.ts"],
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(options));
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const { stdout } = spawnSync(process.execPath, [compiler, "--noEmit", "-p", folder, "--pretty", "false"], {
    cwd: folder,
    encoding: "utf8",
  });
  for (const [file, { error }] of Object.entries(SNIPPETS)) {
    const said = stdout.split("\n").filter((line) => line.startsWith(`${file}(`));
    if (error === undefined) assert.deepEqual(said, [], file);
    else
      assert.ok(
        said.length > 0 && said.every((line) => error.test(line)),
        `${file}: ${said.join("\n") || "it compiles"}\n${stdout}`,
      );
  }
});
