// The syntax tree of an ES module, by ESTree. The one place that knows which parser it is.

import { type Options, parse } from "acorn";

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
export function parseModule(text: string): ParsedModule {
  const comments: string[] = [];
  const options: Options = {
    ecmaVersion: "latest",
    sourceType: "module",
    onComment: (_block, content) => void comments.push(content),
  };
  const program: unknown = parse(text, options);
  if (!isTree(program)) throw new Error("it is no program");
  return { program, comments };
}
