// Configurations of earlier schema generations, said in the words of the newest one. Everything that looks at a configuration
// for what to do reads it after this, so the old words are known in one place only. The stored CIB stays as it was written.
//
//   pacemaker-1.x, 2.x  -- toThirdGeneration -->  3.x  -- toFourthGeneration -->  4.0
//
// A generation is stepped over whole or not at all: a configuration that the next generation takes as it is stays as it is,
// even where the step would have changed something else in it. Source of the order: Pacemaker's schema upgrade.

import { type Element, withChildren } from "../kernel/cib/element.ts";
import { offendsFourthGeneration, toFourthGeneration } from "./upgrade/fourth-generation.ts";
import { offendsThirdGeneration, toThirdGeneration } from "./upgrade/third-generation.ts";

/** The newest generation of schemas that is known here. */
const NEWEST_GENERATION = 4;

/** Generation of the schema that a CIB names; the first for a name that is missing or not known. */
function generationOf(validateWith: string | undefined): number {
  if (validateWith === "none") return NEWEST_GENERATION;
  return Number(/^pacemaker-(\d+)\.\d+$/.exec(validateWith ?? "")?.[1] ?? 1);
}

/** The CIB as the newest generation of schemas would say it; the same object when there is nothing to say otherwise. */
export function upgradeCib(cib: Element): Element {
  const generation = generationOf(cib.attributes["validate-with"]);
  if (generation >= NEWEST_GENERATION) return cib;
  const children = cib.children.map((child) => {
    if (child.name !== "configuration") return child;
    let configuration = child;
    if (generation < 3 && offendsThirdGeneration(configuration)) configuration = toThirdGeneration(configuration);
    if (offendsFourthGeneration(configuration)) configuration = toFourthGeneration(configuration);
    return configuration;
  });
  return withChildren(cib, children);
}
