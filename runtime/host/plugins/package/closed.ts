// The last look at a bundle, on the very bytes that will run: it may import nothing but modules of the allow-list, and only by
// static imports. A sandbox that denies every file still lets a module's own imports through (Deno does, for static and literal
// ones), so a bundle that imports a file has read it before any grant is asked for.
//
// It parses; a look with patterns can be led astray by strings, regular expressions and templates.

import { errorText } from "../../errors.ts";
import { oneLine, PluginError } from "../plugin-error.ts";
import { ALLOWED_MODULES, ALLOWED_TEXT } from "./allowed-modules.ts";
import { MAX_BUNDLE_BYTES } from "./limits.ts";
import { isTree, type ParsedModule, parseModule, type Tree } from "./parse-module.ts";

/** Nested deeper than any program that people or compilers write. */
const MAX_DEPTH = 2_000;

/** Comments by which a runtime is told to load something: types, JSX runtimes, source maps. */
const LOADING_COMMENT =
  /^\/\s*<|@deno-types|@ts-types|@ts-self-types|@jsx|sourceMappingURL|sourceURL|\bimport\s*\(|@import\b/;

/**
 * Throws PluginError `plugin-syntax` (no ES module, too large) or `plugin-closed` when the bundle could load anything.
 * `shown` begins the sentence.
 */
export function refuseOpenBundle(bytes: Uint8Array, shown: string): void {
  if (bytes.length > MAX_BUNDLE_BYTES) {
    throw new PluginError(
      "plugin-syntax",
      `${shown} has a bundle of ${bytes.length} bytes; ${MAX_BUNDLE_BYTES} are allowed.`,
    );
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new PluginError("plugin-syntax", `${shown} is no text in UTF-8.`);
  }
  const problem = moduleProblem(text, shown);
  if (problem !== undefined) throw new PluginError("plugin-closed", `${shown} is refused: it ${problem}.`);
}

function moduleProblem(text: string, shown: string): string | undefined {
  let parsed: ParsedModule;
  try {
    parsed = parseModule(text);
  } catch (error) {
    throw new PluginError("plugin-syntax", `${shown} does not parse as an ES module: ${errorText(error)}.`);
  }
  const comment = parsed.comments.find((one) => LOADING_COMMENT.test(one));
  if (comment !== undefined) {
    return `has the comment ${JSON.stringify(oneLine(comment, 60))}, by which something can be loaded`;
  }
  return new Search(text).problemIn(parsed.program);
}

function lineOf(node: Tree, text: string): number {
  return text.slice(0, Number(node["start"])).split("\n").length;
}

/** Walks the tree; bounded by its depth, as its breadth is by the size of the text. */
class Search {
  /** How many of the enclosing functions declare `require` themselves: then it is a name like any other. */
  private ownRequire = 0;
  private depth = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  problemIn(node: Tree): string | undefined {
    const found = this.problemOf(node);
    if (found !== undefined) return `${found} (line ${lineOf(node, this.text)})`;
    if (this.depth >= MAX_DEPTH) return "is nested too deeply to be looked at";
    const declares = isFunction(node) && declaresRequire(node);
    this.depth += 1;
    if (declares) this.ownRequire += 1;
    const inner = this.problemInChildren(node);
    if (declares) this.ownRequire -= 1;
    this.depth -= 1;
    return inner;
  }

  private problemInChildren(node: Tree): string | undefined {
    for (const [key, value] of Object.entries(node)) {
      if (isPlainName(node, key)) continue;
      for (const child of Array.isArray(value) ? value : [value]) {
        const problem = isTree(child) ? this.problemIn(child) : undefined;
        if (problem !== undefined) return problem;
      }
    }
    return undefined;
  }

  private problemOf(node: Tree): string | undefined {
    switch (node.type) {
      case "ImportDeclaration":
      case "ExportAllDeclaration":
      case "ExportNamedDeclaration":
        return sourceProblem(node);
      case "ImportExpression":
        return "loads something by import()";
      case "MetaProperty":
        return isTree(node["meta"]) && node["meta"]["name"] === "import" ? "uses import.meta" : undefined;
      case "Identifier":
        return node["name"] === "require" && this.ownRequire === 0 ? "loads something by require" : undefined;
      default:
        return undefined;
    }
  }
}

function sourceProblem(node: Tree): string | undefined {
  const source = node["source"];
  if (typeof node["phase"] === "string") return `imports by ${node["phase"]}`;
  if (source === null || source === undefined) return undefined;
  const name = isTree(source) && typeof source["value"] === "string" ? source["value"] : "";
  const shown = JSON.stringify(oneLine(name, 100));
  const attributes = node["attributes"];
  if (Array.isArray(attributes) && attributes.length > 0) return `imports ${shown} with attributes`;
  if (name.startsWith("node:") && ALLOWED_MODULES.has(name.slice("node:".length))) return undefined;
  return `imports ${shown}; allowed are ${ALLOWED_TEXT}`;
}

/** `a.require` and `{ require: 1 }` are names of members, not the function. */
function isPlainName(node: Tree, key: string): boolean {
  if (node["computed"] === true) return false;
  if (node.type === "MemberExpression") return key === "property";
  return key === "key" && ["Property", "MethodDefinition", "PropertyDefinition"].includes(node.type);
}

function isFunction(node: Tree): boolean {
  return ["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"].includes(node.type);
}

/** As a parameter, which is how modules that were bundled before pass their own. */
function declaresRequire(node: Tree): boolean {
  const parameters = node["params"];
  return (
    Array.isArray(parameters) &&
    parameters.some((one) => isTree(one) && one.type === "Identifier" && one["name"] === "require")
  );
}
