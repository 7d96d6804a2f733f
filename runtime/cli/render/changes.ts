// Changes of the configuration as people read them: one line each, what appears, what goes, what becomes different.

import type { Element } from "../../kernel/cib/element.ts";
import { stepMatches } from "../../kernel/cib/version.ts";
import type { CibChange, CibPath } from "../../kernel/messages.ts";
import { line, type RenderOptions, span, type Tone } from "./text.ts";

/** More lines than this nobody reads before applying. */
const MAX_LINES = 60;

/** Describes changes that were made of `before`; coloured for the terminal, and plain. */
export function describeChanges(
  changes: readonly CibChange[],
  before: Element | undefined,
  options: RenderOptions,
): { readonly lines: string[]; readonly plain: string[] } {
  const described = changes.map((change) => describe(change, before));
  // Nothing is cut off here, however narrow the terminal: people decide by these lines.
  const uncut = { ...options, width: Number.POSITIVE_INFINITY };
  const lines = described.slice(0, MAX_LINES).map(({ text, tone }) => line([span(text, tone)], uncut));
  if (described.length > MAX_LINES) lines.push(`and ${described.length - MAX_LINES} further changes`);
  return { lines, plain: described.map(({ text }) => text) };
}

function describe(change: CibChange, before: Element | undefined): { text: string; tone: Tone } {
  switch (change.operation) {
    case "create":
      return { text: `+ ${placeText(change.path)}${nameOf(change.element)}`, tone: "good" };
    case "delete":
      return { text: `- ${placeText(change.path.slice(0, -1))}${lastText(change.path)}`, tone: "bad" };
    case "move":
      return {
        text: `~ ${placeText(change.path.slice(0, -1))}${lastText(change.path)}: moves to place ${change.position + 1}`,
        tone: "warn",
      };
    case "modify": {
      const old = elementBelow(before, change.path);
      const set = Object.entries(change.set).map(([name, value]) => {
        const was = old?.attributes[name];
        return was === undefined ? `${name}="${value}"` : `${name}="${was}" becomes "${value}"`;
      });
      const unset = change.unset.map((name) => `${name} goes`);
      const option = old?.attributes["name"];
      const label = option === undefined ? "" : ` (${option})`;
      return {
        text: `~ ${placeText(change.path.slice(0, -1))}${lastText(change.path)}${label}: ${[...set, ...unset].join(", ")}`,
        tone: "warn",
      };
    }
  }
}

function elementBelow(root: Element | undefined, path: CibPath): Element | undefined {
  let found = root;
  for (const step of path) found = found?.children.find((child) => stepMatches(step, child));
  return found;
}

/** The way to it by the ids on it: "resources / web / ". */
function placeText(path: CibPath): string {
  return path.map((step) => `${step.id ?? step.name} / `).join("");
}

function lastText(path: CibPath): string {
  const last = path[path.length - 1];
  if (last === undefined) return "configuration";
  return last.id === undefined ? `<${last.name}>` : `<${last.name} id="${last.id}">`;
}

function nameOf(element: Element): string {
  const { id, name, value } = element.attributes;
  const start = id === undefined ? `<${element.name}>` : `<${element.name} id="${id}">`;
  return name === undefined || value === undefined ? start : `${start} ${name}="${value}"`;
}
