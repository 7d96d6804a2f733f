// The syntax tree of an ES module, by ESTree. The one place that knows which parser it is.

import { errorText } from "../../errors.ts";

/** A node of the syntax tree. */
export interface Tree {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** A module that parses. */
export interface ParsedModule {
  readonly program: Tree;
  /** What stands in its comments. */
  readonly comments: readonly string[];
}

/** Whether a value of the tree is a node of it. */
export function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** Parses a module. Throws an Error that says what is wrong with it. */
export async function parseModule(text: string): Promise<ParsedModule> {
  const { parseSync } = await import("oxc-parser");
  const parsed = parseSync("bundle.mjs", text, { sourceType: "module", lang: "js" });
  const [first] = parsed.errors;
  if (first !== undefined) throw new Error(errorText(new Error(first.message)));
  const program: unknown = parsed.program;
  if (!isTree(program)) throw new Error("it is no program");
  return { program, comments: parsed.comments.map(({ value }) => value) };
}
