// Checks a configuration by what is different from one that was found to be without errors: a change costs by what it changes.
//
// It only ever says "this one is without errors too". Where that does not follow from the changed parts and a few tables (ids, what
// refers to them, counts), it says nothing, and the whole document is checked. The tables are of the last such configuration and move
// along with it, forwards and back.

import { type Element, sameAttributes, sameElements } from "../../kernel/cib/element.ts";
import { RESOURCE_ELEMENTS } from "./grammar.ts";
import { CIB_LIMITS } from "./limits.ts";
import { checkOptions } from "./options.ts";
import { type Place, Problems } from "./problem.ts";
import { checkRules } from "./rules.ts";
import { type Survey, surveyConfiguration } from "./structure.ts";

/** Sections of which the children are looked at one by one. A difference in any other one is a case for the whole check. */
const SECTIONS: ReadonlySet<string> = new Set(["crm_config", "nodes", "resources", "constraints"]);
/** With more changed children than this, the whole check is as good. */
const MAX_CHANGED = 64;
/** Nearer to a limit on numbers than this, the whole check counts. */
const NEAR_LIMIT = 0.9;
/** What these hold concerns more than themselves: other elements take class or ids from them. */
const FAR_REACHING: ReadonlySet<string> = new Set(["template", "bundle", "fencing-level", "tag", "role", "obj_ref"]);

/** Numbers that the whole check bounds, and what is counted for each. */
const COUNTED: readonly (readonly [number, readonly string[]])[] = [
  [CIB_LIMITS.resources, [...RESOURCE_ELEMENTS, "template"]],
  [CIB_LIMITS.constraints, ["rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket"]],
];

const ABOVE: Place = { parent: undefined, name: "cib", id: undefined };

/** A child of a section. */
interface Unit {
  readonly section: string;
  readonly element: Element;
}

/** Children of sections that are not in both. */
interface Difference {
  readonly removed: Unit[];
  readonly added: Unit[];
}

/** What is known of a configuration without errors. */
export class KnownGood {
  #configuration: Element | undefined;
  /** Own ids, with the name of the element that has it. */
  readonly #ids = new Map<string, string>();
  /** How many references there are to an id. */
  readonly #references = new Map<string, number>();
  /** How many elements there are of a name, and all together. */
  readonly #names = new Map<string, number>();
  #elements = 0;
  /** What was added last is what is removed next when the same part changes again. */
  #lastAdded: { readonly units: readonly Unit[]; readonly survey: Survey } | undefined;

  /** Remembers a configuration that the whole check has found to be without errors. */
  learn(configuration: Element, survey: Survey): void {
    this.#configuration = configuration;
    this.#ids.clear();
    this.#references.clear();
    this.#names.clear();
    this.#elements = 0;
    this.#count(survey, 1);
  }

  /** Whether the configuration is without errors because the one known is. If so, it is the one known from now on. */
  follows(configuration: Element): boolean {
    const known = this.#configuration;
    if (known === undefined) return false;
    if (known === configuration) return true;
    const difference = differenceOf(known, configuration);
    if (difference === undefined) return false;
    if (!saysTheSame(difference) && !this.#moves(difference)) return false;
    this.#configuration = configuration;
    return true;
  }

  #moves(difference: Difference): boolean {
    const removed = this.#knownSurvey(difference.removed) ?? surveyOf(difference.removed);
    const added = surveyOf(difference.added);
    if (removed === undefined || added === undefined || !this.#fits(removed, added)) return false;
    this.#lastAdded = { units: difference.added, survey: added };
    this.#count(removed, -1);
    this.#count(added, 1);
    return true;
  }

  #knownSurvey(units: readonly Unit[]): Survey | undefined {
    const last = this.#lastAdded;
    const isSame =
      last?.units.length === units.length && units.every((unit, at) => unit.element === last.units[at]?.element);
    return isSame ? last.survey : undefined;
  }

  #fits(removed: Survey, added: Survey): boolean {
    if (this.#elements + added.elements > CIB_LIMITS.elements * NEAR_LIMIT) return false;
    for (const [limit, names] of COUNTED) {
      let count = 0;
      for (const name of names) count += (this.#names.get(name) ?? 0) + (added.byName.get(name)?.length ?? 0);
      if (count > limit * NEAR_LIMIT) return false;
    }
    const isTaken = (id: string): boolean => this.#ids.has(id) && !removed.byId.has(id);
    for (const id of added.byId.keys()) if (isTaken(id)) return false;
    const gone = countsOf(removed);
    for (const [id, found] of removed.byId) {
      const again = added.byId.get(id);
      if (again?.place.name === found.place.name) continue;
      if ((this.#references.get(id) ?? 0) > (gone.get(id) ?? 0)) return false;
    }
    return added.references.every(({ value, targets }) => {
      const here = added.byId.get(value)?.place.name;
      const name = here ?? (removed.byId.has(value) ? undefined : this.#ids.get(value));
      return name !== undefined && targets.includes(name);
    });
  }

  #count(survey: Survey, sign: 1 | -1): void {
    this.#elements += sign * survey.elements;
    for (const [name, found] of survey.byName) {
      this.#names.set(name, (this.#names.get(name) ?? 0) + sign * found.length);
    }
    for (const [id, found] of survey.byId) {
      if (sign > 0) this.#ids.set(id, found.place.name);
      else this.#ids.delete(id);
    }
    for (const [id, count] of countsOf(survey)) {
      const left = (this.#references.get(id) ?? 0) + sign * count;
      if (left === 0) this.#references.delete(id);
      else this.#references.set(id, left);
    }
  }
}

/** How often each id is referred to, the devices of fencing levels included. */
function countsOf(survey: Survey): Map<string, number> {
  const counts = new Map<string, number>();
  const count = (id: string): void => void counts.set(id, (counts.get(id) ?? 0) + 1);
  for (const { value } of survey.references) count(value);
  for (const level of survey.byName.get("fencing-level") ?? []) {
    for (const device of (level.element.attributes["devices"] ?? "").split(",")) count(device);
  }
  return counts;
}

/** Undefined when it is not only some children of the open sections. */
function differenceOf(known: Element, configuration: Element): Difference | undefined {
  const sections = configuration.children;
  if (!sameAttributes(known, configuration) || known.children.length !== sections.length) return undefined;
  const difference: Difference = { removed: [], added: [] };
  for (let at = 0; at < sections.length; at += 1) {
    const [before, after] = [known.children[at], sections[at]];
    if (before === after) continue;
    if (before === undefined || after === undefined || before.name !== after.name) return undefined;
    if (!SECTIONS.has(after.name) || !sameAttributes(before, after)) return undefined;
    addDifference(after.name, before.children, after.children, difference);
    if (difference.removed.length + difference.added.length > MAX_CHANGED) return undefined;
  }
  return isNear(difference) ? difference : undefined;
}

function addDifference(
  section: string,
  before: readonly Element[],
  after: readonly Element[],
  difference: Difference,
): void {
  let start = 0;
  let [endBefore, endAfter] = [before.length, after.length];
  while (start < endBefore && start < endAfter && before[start] === after[start]) start += 1;
  while (endBefore > start && endAfter > start && before[endBefore - 1] === after[endAfter - 1]) {
    endBefore -= 1;
    endAfter -= 1;
  }
  const [old, fresh] = [before.slice(start, endBefore), after.slice(start, endAfter)];
  const [only, instead] = [old[0], fresh[0]];
  if (old.length === 1 && fresh.length === 1 && only !== undefined && instead !== undefined) {
    const [less, more] = withoutCommonPairs(only, instead);
    difference.removed.push({ section, element: less });
    difference.added.push({ section, element: more });
    return;
  }
  const [oldSet, freshSet] = [new Set(old), new Set(fresh)];
  for (const element of old) if (!freshSet.has(element)) difference.removed.push({ section, element });
  for (const element of fresh) if (!oldSet.has(element)) difference.added.push({ section, element });
}

/** A set of options in which single options have changed stands for these alone: each is checked by itself, and a set may be long. */
function withoutCommonPairs(before: Element, after: Element): readonly [Element, Element] {
  if (before.name !== "cluster_property_set" || after.name !== before.name || !sameAttributes(before, after)) {
    return [before, after];
  }
  const known = new Set(before.children);
  const fresh = new Set(after.children);
  const gone = before.children.filter((child) => !fresh.has(child));
  const come = after.children.filter((child) => !known.has(child));
  const arePairs = [...gone, ...come].every(({ name }) => name === "nvpair");
  if (!arePairs || gone.length === 0 || come.length === 0) return [before, after];
  return [
    { ...before, children: gone },
    { ...after, children: come },
  ];
}

/** What comes back from the log is another object and says the same. */
function saysTheSame({ removed, added }: Difference): boolean {
  const elements = (units: readonly Unit[]): Element[] => units.map(({ element }) => element);
  return (
    removed.every(({ section }, at) => section === added[at]?.section) &&
    sameElements(elements(removed), elements(added))
  );
}

/** Whether nothing in it concerns more than itself and what it names. Nodes may change what they hold, not who they are. */
function isNear({ removed, added }: Difference): boolean {
  const identity = (units: readonly Unit[]): string =>
    JSON.stringify(
      units
        .filter(({ section }) => section === "nodes")
        .map(({ element: { attributes } }) => [attributes["id"], attributes["uname"], attributes["type"]].join("\n"))
        .sort(),
    );
  return identity(removed) === identity(added) && ![...removed, ...added].some(({ element }) => isFarReaching(element));
}

function isFarReaching(element: Element): boolean {
  if (FAR_REACHING.has(element.name) || element.attributes["class"] === "stonith") return true;
  return element.children.some(isFarReaching);
}

/** Looks at these children of sections alone; undefined when there is an error in one of them. */
function surveyOf(units: readonly Unit[]): Survey | undefined {
  const problems = new Problems("errors");
  const sections = [...SECTIONS].map((name) => ({
    name,
    attributes: {},
    children: units.filter(({ section }) => section === name).map(({ element }) => element),
  }));
  const survey = surveyConfiguration({ name: "configuration", attributes: {}, children: sections }, ABOVE, problems);
  checkRules(survey, problems);
  checkOptions(survey, problems);
  const isGood = !survey.tooLarge && problems.list().length === 0;
  return isGood ? survey : undefined;
}
