// Each template becomes a project, as `npm run new` makes it: its own test passes, its types hold, and a node can load it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createProject, PROJECT_KINDS } from "../../runtime/cli/new.ts";
import { createLoader } from "../../runtime/host/plugins/loader.ts";
import { describeInSandbox } from "../../runtime/host/plugins/sandbox/describe.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-new-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a command in a project; the surrounding test run must not leak into it. */
function inProject(project: string, ...args: readonly string[]): string {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, env, encoding: "utf8" });
  assert.equal(status, 0, `node ${args.join(" ")} in ${project}:\n${stdout}\n${stderr}`);
  return stdout;
}

test("there is a project for each template", () => {
  const templates = readdirSync(fileURLToPath(new URL("../../templates", import.meta.url)));
  assert.deepEqual([...PROJECT_KINDS].sort(), templates.sort());
});

for (const kind of PROJECT_KINDS) {
  describe(`a new ${kind}`, () => {
    const name = `my-${kind}`;
    const project = createProject(kind, name, folder);

    test("bears its name everywhere", () => {
      assert.ok(readdirSync(project).includes(`${name}.ts`));
      for (const file of [`${name}.ts`, `${name}.test.ts`, "README.md", "package.json"]) {
        const text = readFileSync(join(project, file), "utf8");
        assert.ok(text.includes(name), file);
        assert.doesNotMatch(
          text,
          /example-(agent|device|alert|arbiter|transport)/,
          `${file} still has the template's name`,
        );
      }
    });

    test("passes its own test, through its kit", () => {
      const printed = inProject(project, "--import", "tsx", "--test", "--test-reporter=tap", `${name}.test.ts`);
      assert.match(
        printed,
        new RegExp(`# Subtest: (resource agent|fence device|alert sink|arbiter|transport) ${name}`),
      );
      assert.match(printed, /# fail 0/);
    });

    test("is loaded by a node that names its file", async () => {
      const loader = createLoader({
        plugins: [`./${name}/${name}.ts`],
        pluginsBase: folder,
        bundleFolder: join(folder, "bundles"),
        evaluate: describeInSandbox,
      });
      const found = (await loader.all()).find((one) => one.name === name);
      assert.equal(found?.problem, undefined);
      assert.equal(found?.kind, kind);
    });
  });
}

test("the types of all of them hold", () => {
  const [first = ""] = PROJECT_KINDS;
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: `./my-${first}/tsconfig.json`,
      compilerOptions: { typeRoots: [`./my-${first}/node_modules/@types`] },
      include: ["my-*/*.ts"],
    }),
  );
  const compiler = join(folder, `my-${first}`, "node_modules/typescript/bin/tsc");
  inProject(join(folder, `my-${first}`), compiler, "--noEmit", "-p", folder);
});

test("a wrong kind, a wrong name and a folder with something in it are refused, and nothing is written", () => {
  const before = readdirSync(folder).length;
  assert.throws(() => createProject("agent", "x", folder), {
    code: "request-invalid",
    message: /choose one of resource-agent/,
  });
  for (const name of ["", "Upper", "../up", "a--b", "-a", "a b", "a".repeat(41)]) {
    assert.throws(() => createProject("transport", name, folder), {
      code: "request-invalid",
      message: /cannot be a plugin's name/,
    });
  }
  mkdirSync(join(folder, "taken"));
  writeFileSync(join(folder, "taken", "precious"), "data");
  assert.throws(() => createProject("transport", "taken", folder), {
    code: "directory-unwritable",
    message: /not empty/,
  });
  assert.deepEqual(readdirSync(join(folder, "taken")), ["precious"]);
  assert.equal(readdirSync(folder).length, before + 1);
});
