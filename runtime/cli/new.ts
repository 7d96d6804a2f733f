// `systole new KIND NAME`: a project of one's own, copied from a template that works, with its test.

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { errorText, SystoleError } from "../host/errors.ts";

/** What can be made, and what each template's files are called. */
const TEMPLATES = {
  "resource-agent": "example-agent",
  "fence-device": "example-device",
  alert: "example-alert",
  arbiter: "example-arbiter",
  transport: "example-transport",
} as const;

/** The kinds of project, for the help. */
export const PROJECT_KINDS: readonly string[] = Object.keys(TEMPLATES);

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const LONGEST_NAME = 40;
/** What a project is tested with, besides Systole itself. */
const TOOLS = ["@types/node", "tsx", "typescript"];

/** The folder of the Systole that runs: from runtime/cli/new.ts, or from dist/systole.mjs. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "templates")) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

function isKind(kind: string): kind is keyof typeof TEMPLATES {
  return Object.hasOwn(TEMPLATES, kind);
}

/** Refuses what cannot be made, before anything is written. */
function checkedKind(kind: string, name: string, target: string): keyof typeof TEMPLATES {
  if (!isKind(kind)) {
    throw new SystoleError(
      "request-invalid",
      `There is no template ${kind}; choose one of ${PROJECT_KINDS.join(", ")}.`,
    );
  }
  if (!NAME.test(name) || name.length > LONGEST_NAME) {
    throw new SystoleError(
      "request-invalid",
      `${JSON.stringify(name)} cannot be a plugin's name: take lower-case letters, digits and single hyphens, at most ${LONGEST_NAME}, such as my-service.`,
    );
  }
  if (existsSync(target) && readdirSync(target).length > 0) {
    throw new SystoleError(
      "directory-unwritable",
      `${target} exists already and is not empty, so nothing was written: choose another name, or remove it.`,
    );
  }
  return kind;
}

/** A member of a JSON file of this package; an empty object if it has none. */
function settingsOf(file: string, member: string): Readonly<Record<string, unknown>> {
  const parsed: unknown = JSON.parse(readFileSync(file, "utf8"));
  const found: unknown =
    typeof parsed === "object" && parsed !== null
      ? Object.entries(parsed).find(([key]) => key === member)?.[1]
      : undefined;
  return typeof found === "object" && found !== null ? { ...found } : {};
}

/** The project's own settings: what it needs, and how it is tested. */
function writeSettings(target: string, name: string, root: string): void {
  const write = (file: string, content: unknown): void =>
    writeFileSync(join(target, file), `${JSON.stringify(content, null, 2)}\n`);
  const versions = settingsOf(join(root, "package.json"), "devDependencies");
  const tools = Object.fromEntries(TOOLS.map((tool) => [tool, versions[tool] ?? "*"]));
  write("package.json", {
    name,
    version: "0.1.0",
    private: true,
    type: "module",
    scripts: { test: `node --import tsx --test ${name}.test.ts`, types: "tsc --noEmit -p ." },
    devDependencies: { ...tools, systole: `file:${relative(target, root)}` },
  });
  write("tsconfig.json", {
    compilerOptions: settingsOf(join(root, "tsconfig.json"), "compilerOptions"),
    include: ["*.ts"],
  });
  writeFileSync(join(target, ".gitignore"), "node_modules/\n");
}

/** Links this Systole and the tools of its tests into the project, so that it works before (and without) `npm install`. */
function linkPackages(target: string, root: string): void {
  const modules = join(target, "node_modules");
  mkdirSync(join(modules, "@types"), { recursive: true });
  symlinkSync(root, join(modules, "systole"), "dir");
  const require = createRequire(join(root, "package.json"));
  for (const tool of TOOLS) {
    try {
      symlinkSync(dirname(require.resolve(`${tool}/package.json`)), join(modules, tool), "dir");
    } catch {
      // Not part of this installation: `npm install` in the project brings it.
    }
  }
}

/**
 * Makes a project of a kind (resource-agent, fence-device, alert, transport) in `directory`/`name` and returns its path.
 * Throws SystoleError: `request-invalid` (kind, name), `directory-unwritable` (exists, or cannot be written).
 */
export function createProject(kind: string, name: string, directory: string): string {
  const target = resolve(directory, name);
  const template = TEMPLATES[checkedKind(kind, name, target)];
  const root = packageRoot();
  try {
    cpSync(join(root, "templates", kind), target, { recursive: true });
    for (const file of readdirSync(target)) {
      const path = join(target, file);
      writeFileSync(path, readFileSync(path, "utf8").replaceAll(template, name));
      renameSync(path, join(target, file.replace(template, name)));
    }
    writeSettings(target, name, root);
    linkPackages(target, root);
  } catch (error) {
    rmSync(target, { recursive: true, force: true });
    throw new SystoleError(
      "directory-unwritable",
      `The project ${target} could not be written: ${errorText(error)}. Choose a folder that you may write to.`,
    );
  }
  return target;
}
