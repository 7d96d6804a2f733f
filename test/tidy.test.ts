// The laws of the house, read from the syntax tree of every source file. Each is stated in runtime/README.md;
// a law that is not checked here is only a wish.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseSync, Visitor } from "oxc-parser";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");
const MAX_FUNCTION_LINES = 70;
const MAX_FILE_LINES = 500;

interface Import {
  readonly specifier: string;
  readonly typeOnly: boolean;
}

interface Source {
  readonly path: string;
  readonly text: string;
  readonly program: ReturnType<typeof parseSync>["program"];
  readonly imports: readonly Import[];
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === "node_modules" || entry.name === "dist" ? [] : filesBelow(path);
    return [path];
  });
}

function read(path: string): Source {
  const text = readFileSync(join(ROOT, path), "utf8");
  const parsed = parseSync(path, text);
  assert.deepEqual(parsed.errors, [], `${path} does not parse`);
  const imports: Import[] = [];
  for (const found of parsed.module.staticImports) {
    const typeOnly = found.entries.length > 0 && found.entries.every((entry) => entry.isType);
    imports.push({ specifier: found.moduleRequest.value, typeOnly });
  }
  for (const found of parsed.module.staticExports) {
    for (const entry of found.entries) {
      if (entry.moduleRequest) imports.push({ specifier: entry.moduleRequest.value, typeOnly: entry.isType });
    }
  }
  for (const found of parsed.module.dynamicImports) {
    const literal = /^["'`](.*)["'`]$/.exec(text.slice(found.moduleRequest.start, found.moduleRequest.end));
    if (literal?.[1] !== undefined) imports.push({ specifier: literal[1], typeOnly: false });
  }
  return { path, text, program: parsed.program, imports };
}

const sources = ["runtime", "sdk", "plugins", "templates"]
  .flatMap(filesBelow)
  .filter((path) => /\.(ts|mjs)$/.test(path))
  .map(read);
const tests = filesBelow("test")
  .filter((path) => path.endsWith(".ts"))
  .map(read);
const byPath = new Map([...sources, ...tests].map((source) => [source.path, source]));

/** The file in the project that an import means; undefined for a package or a builtin. */
function target(from: Source, specifier: string): string | undefined {
  if (specifier === "systole/sdk") return "sdk/mod.ts";
  if (specifier === "systole/sdk/testing") return "sdk/testing/mod.ts";
  if (!specifier.startsWith(".")) return undefined;
  return relative(ROOT, join(ROOT, dirname(from.path), specifier))
    .split(sep)
    .join("/");
}

function layer(path: string): string {
  const parts = path.split("/");
  if (parts[0] !== "runtime") return parts[0] ?? path;
  if (parts.length === 2) return "main";
  return parts[1] ?? path;
}

/** Who may import whom; the drawing stands in runtime/README.md. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  sdk: ["sdk"],
  plugins: ["sdk", "plugins"],
  templates: ["sdk", "templates"],
  kernel: ["kernel"],
  model: ["kernel", "model"],
  services: ["kernel", "model", "services"],
  compat: ["kernel", "model", "services", "compat"],
  host: ["sdk", "kernel", "model", "services", "compat", "host"],
  api: ["sdk", "kernel", "model", "services", "compat", "host", "api"],
  main: ["sdk", "kernel", "model", "services", "compat", "host", "api", "main"],
  cli: ["sdk", "kernel", "model", "services", "compat", "host", "api", "main", "cli"],
};

/** Pure packages that pure layers may use besides their own files. */
const PURE_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  model: ["typebox"],
  services: ["typebox"],
};

function packageName(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

test("imports go one way", () => {
  const wrong: string[] = [];
  for (const source of sources) {
    for (const { specifier, typeOnly } of source.imports) {
      const to = target(source, specifier);
      if (to === undefined) continue;
      assert.ok(to.endsWith(".css") || byPath.has(to), `${source.path} imports ${specifier}, which does not exist`);
      const allowed = ALLOWED[layer(source.path)];
      assert.ok(allowed, `${source.path}: a folder without a law`);
      const typesOfSdk = typeOnly && layer(to) === "sdk" && layer(source.path) !== "kernel";
      if (!allowed.includes(layer(to)) && !typesOfSdk) wrong.push(`${source.path} imports ${to}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("no file imports itself, by whatever way round", () => {
  const state = new Map<string, "open" | "done">();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === "done") return;
    if (state.get(path) === "open") {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    state.set(path, "open");
    const source = byPath.get(path);
    for (const { specifier, typeOnly } of source?.imports ?? []) {
      const to = source && !typeOnly ? target(source, specifier) : undefined;
      if (to !== undefined) visit(to, [...trail, path]);
    }
    state.set(path, "done");
  };
  for (const source of sources) visit(source.path, []);
  assert.deepEqual(cycles, []);
});

test("kernel, model and services import nothing that touches the world", () => {
  const wrong: string[] = [];
  for (const source of sources) {
    const pure = PURE_PACKAGES[layer(source.path)];
    if (pure === undefined) continue;
    for (const { specifier } of source.imports) {
      if (target(source, specifier) !== undefined) continue;
      const builtin = specifier.startsWith("node:") || builtinModules.includes(specifier);
      if (builtin || !pure.includes(packageName(specifier))) wrong.push(`${source.path} imports ${specifier}`);
    }
  }
  assert.deepEqual(wrong, []);
});

const IMPURE = new Set([
  ...["setTimeout", "setInterval", "setImmediate", "queueMicrotask", "clearTimeout", "fetch", "WebSocket"],
  ...["Promise", "Date", "performance", "process", "console", "globalThis", "crypto", "Buffer"],
]);

/** Names used as values (not as property names) that a pure file may not know. */
function impureUses(source: Source): string[] {
  const found: string[] = [];
  const report = (what: string, start: number): void => {
    found.push(`${source.path}:${source.text.slice(0, start).split("\n").length} uses ${what}`);
  };
  const properties = new Set<number>();
  const visitor = new Visitor({
    MemberExpression(node) {
      if (!node.computed) properties.add(node.property.start);
      if (node.object.type === "Identifier" && node.object.name === "Math" && node.property.type === "Identifier") {
        if (node.property.name === "random") report("Math.random", node.start);
      }
    },
    Property(node) {
      if (!node.computed && !node.shorthand) properties.add(node.key.start);
    },
    TSPropertySignature(node) {
      if (!node.computed) properties.add(node.key.start);
    },
    Identifier(node) {
      if (IMPURE.has(node.name) && !properties.has(node.start)) report(node.name, node.start);
    },
    AwaitExpression(node) {
      report("await", node.start);
    },
    FunctionDeclaration(node) {
      if (node.async) report("async", node.start);
    },
    FunctionExpression(node) {
      if (node.async) report("async", node.start);
    },
    ArrowFunctionExpression(node) {
      if (node.async) report("async", node.start);
    },
  });
  visitor.visit(source.program);
  return found;
}

test("kernel, model and services know no clock, no chance, no waiting", () => {
  const pure = sources.filter((source) => PURE_PACKAGES[layer(source.path)] !== undefined);
  assert.ok(pure.length > 10);
  assert.deepEqual(pure.flatMap(impureUses), []);
});

test("the check for impure names sees what it should see", () => {
  const text =
    "const a = Date.now(); const b = { Date: 1 }; b.Date; export async function f() { await Math.random(); }";
  const parsed = parseSync("probe.ts", text);
  const found = impureUses({ path: "probe.ts", text, program: parsed.program, imports: [] });
  assert.deepEqual(found.map((line) => line.replace("probe.ts:1 uses ", "")).sort(), [
    "Date",
    "Math.random",
    "async",
    "await",
  ]);
});

const PLUGIN_BUILTINS = ["node:crypto", "node:buffer"];
const EFFECTS = new Set([
  "fetch",
  "process",
  "WebSocket",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "console",
  "globalThis",
]);

test("plugins and templates touch the world through ctx only", () => {
  const wrong: string[] = [];
  const authored = sources.filter(
    (s) => ["plugins", "templates"].includes(layer(s.path)) && !s.path.endsWith(".test.ts"),
  );
  for (const source of authored) {
    for (const { specifier } of source.imports) {
      if (!specifier.startsWith(".") && !["systole/sdk", ...PLUGIN_BUILTINS].includes(specifier)) {
        wrong.push(`${source.path} imports ${specifier}`);
      }
    }
    const names = impureUses(source).filter((line) => EFFECTS.has(line.split(" uses ")[1] ?? ""));
    const bound = /\{[^}]*\b(fetch)\b[^}]*\}/.test(source.text) || /function fetch/.test(source.text);
    wrong.push(...names.filter((line) => !(bound && line.endsWith("fetch"))));
  }
  assert.deepEqual(wrong, []);
});

test("a function fits one screen and a file has one reason to exist", () => {
  const long: string[] = [];
  for (const source of sources) {
    const lines = source.text.split("\n").length - 1;
    if (lines > MAX_FILE_LINES) long.push(`${source.path}: ${lines} lines`);
    const measure = (node: { start: number; end: number; body?: unknown }): void => {
      const length = source.text.slice(node.start, node.end).split("\n").length;
      if (length > MAX_FUNCTION_LINES) {
        long.push(
          `${source.path}:${source.text.slice(0, node.start).split("\n").length}: a function of ${length} lines`,
        );
      }
    };
    new Visitor({ FunctionDeclaration: measure, FunctionExpression: measure, ArrowFunctionExpression: measure }).visit(
      source.program,
    );
  }
  assert.deepEqual(long, []);
});

test("every source file opens with what it is for", () => {
  const silent = sources.filter((source) => !/^(#!.*\n)?(\/\/|\/\*)/.test(source.text));
  assert.deepEqual(
    silent.map((source) => source.path),
    [],
  );
});

test("what is exported is used", () => {
  const imported = new Set<string>();
  for (const source of [...sources, ...tests]) {
    const names = /(?:import|export)\s+(?:type\s+)?\{([^}]*)\}\s*from\s*["']([^"']+)["']/g;
    for (const [, list = "", specifier = ""] of source.text.matchAll(names)) {
      for (const part of list.split(",")) {
        const name = part
          .replace(/^\s*type\s+/, "")
          .trim()
          .split(/\s+as\s+/)[0];
        if (name) imported.add(`${target(source, specifier)}#${name}`);
      }
    }
    for (const [, specifier = ""] of source.text.matchAll(/import\(\s*["']([^"']+)["']\s*\)/g))
      imported.add(`${target(source, specifier)}#*`);
    for (const [, specifier = ""] of source.text.matchAll(/(?:import|export) \* (?:as \w+ )?from ["']([^"']+)["']/g)) {
      imported.add(`${target(source, specifier)}#*`);
    }
  }
  const unused: string[] = [];
  for (const source of sources) {
    if (layer(source.path) === "sdk" || source.path.endsWith(".mjs")) continue;
    if (imported.has(`${source.path}#*`)) continue;
    for (const [, name = ""] of source.text.matchAll(/^export (?:async )?(?:function|const|class) (\w+)/gm)) {
      const usedHere = (source.text.match(new RegExp(`\\b${name}\\b`, "g"))?.length ?? 0) > 1;
      if (!usedHere && !imported.has(`${source.path}#${name}`)) unused.push(`${source.path}: ${name}`);
    }
  }
  assert.deepEqual(unused, []);
});

test("a plugin's file name is its name, and it has a conformance run", () => {
  const conformance = tests
    .filter((s) => s.path.startsWith("test/conformance/"))
    .map((s) => s.text)
    .join("\n");
  const problems: string[] = [];
  for (const source of sources.filter((s) => s.path.startsWith("plugins/"))) {
    const defined = /export default define\w+\(\{\s*name: "([^"]+)"/.exec(source.text);
    if (defined === null) continue;
    const base = source.path
      .replace(/(\/mod)?\.ts$/, "")
      .split("/")
      .pop();
    if (defined[1] !== base) problems.push(`${source.path} defines ${defined[1]}`);
    if (!conformance.includes(source.path.replace(/^plugins\//, "")))
      problems.push(`${source.path} has no conformance run`);
  }
  assert.deepEqual(problems, []);
});

test("no path of a machine and no registry host is in the project", () => {
  const wrong: string[] = [];
  for (const path of ["runtime", "sdk", "plugins", "templates", "test", ".ci"].flatMap(filesBelow)) {
    if (path === "test/tidy.test.ts") continue;
    const text = readFileSync(join(ROOT, path), "utf8");
    const found = /(^|[\s"'(=])(\/work\/|\/root\/|\/home\/\w+\/)|registry\.npmjs|deb\.debian/m.exec(text);
    if (found) wrong.push(`${path}: ${found[0]}`);
  }
  assert.deepEqual(wrong, []);
});

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

test("the lock file is whole, and names no download host", () => {
  const lock: { readonly packages: Readonly<Record<string, LockedPackage>> } = JSON.parse(
    readFileSync(join(ROOT, "package-lock.json"), "utf8"),
  );
  const missing = Object.values(lock.packages).flatMap(({ dependencies, optionalDependencies }) =>
    Object.keys({ ...dependencies, ...optionalDependencies }).filter(
      (name) => lock.packages[`node_modules/${name}`]?.version === undefined,
    ),
  );
  assert.deepEqual(missing, [], "npm ci refuses a lock file without these");
  assert.deepEqual(
    Object.entries(lock.packages).filter(([, { resolved }]) => resolved?.startsWith("http")),
    [],
  );
});
