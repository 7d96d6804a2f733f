// Do the names in the configuration lead somewhere? Constraints to resources, id-refs to what they stand for, templates,
// fence devices, nodes.

import { didYouMean } from "../nearest.ts";
import { RESOURCE_ELEMENTS } from "./grammar.ts";
import type { Problems } from "./problem.ts";
import { type Found, foundNamed, type Survey } from "./structure.ts";

/** Checks every reference that the walk has noted, and the lists and names that the grammar cannot see. */
export function checkReferences(survey: Survey, problems: Problems): void {
  const names = new Map<string, string[]>();
  for (const reference of survey.references) {
    const target = survey.byId.get(reference.value);
    if (target !== undefined && reference.targets.includes(target.place.name)) continue;
    if (target === undefined && implicitOfBundle(reference.value, survey)) continue;
    const { attribute, value } = reference;
    const wanted = wantedText(reference.targets);
    const text =
      target === undefined
        ? `${attribute}="${value}" leads nowhere: there is no ${wanted} with this id.${hint(reference, survey, names, problems)} Correct the name, or delete what refers to it.`
        : `${attribute}="${value}" names a <${target.place.name}>, where a ${wanted} is wanted. Correct the name.`;
    const code = target === undefined ? "dangling-reference" : "misdirected-reference";
    problems.add("error", code, reference.place, text);
  }
  checkFencingLevels(survey, problems);
  checkNodeNames(survey, problems);
  checkTags(survey, problems);
}

function wantedText(targets: readonly string[]): string {
  return targets.includes("primitive") ? "resource" : `<${targets.join("> or <")}>`;
}

function hint(
  reference: { readonly value: string; readonly targets: readonly string[] },
  survey: Survey,
  cache: Map<string, string[]>,
  problems: Problems,
): string {
  const key = reference.targets.join(" ");
  if (problems.full) return "";
  let ids = cache.get(key);
  if (ids === undefined) {
    ids = foundNamed(survey, ...reference.targets).flatMap((found) => found.element.attributes["id"] ?? []);
    cache.set(key, ids);
  }
  return didYouMean(reference.value, ids);
}

/** Bundles make resources of their own: BUNDLE-docker-0, BUNDLE-ip-10.0.0.1, BUNDLE-0. */
function implicitOfBundle(value: string, survey: Survey): boolean {
  for (let end = value.lastIndexOf("-"); end > 0; end = value.lastIndexOf("-", end - 1)) {
    if (survey.byId.get(value.slice(0, end))?.place.name === "bundle") return true;
  }
  return false;
}

/** The class of a primitive, its template's where it has one. */
export function classOf(primitive: Found, survey: Survey): string | undefined {
  const template = primitive.element.attributes["template"];
  if (template === undefined) return primitive.element.attributes["class"];
  return survey.byId.get(template)?.element.attributes["class"];
}

function checkFencingLevels(survey: Survey, problems: Problems): void {
  const seen = new Set<string>();
  const devices = (): string[] =>
    foundNamed(survey, "primitive")
      .filter((primitive) => classOf(primitive, survey) === "stonith")
      .flatMap((primitive) => primitive.element.attributes["id"] ?? []);
  for (const level of foundNamed(survey, "fencing-level")) {
    const attributes = level.element.attributes;
    for (const device of (attributes["devices"] ?? "").split(",")) {
      if (device === "") continue;
      const target = survey.byId.get(device);
      if (target === undefined) {
        problems.add(
          "error",
          "dangling-reference",
          level.place,
          `The fence device "${device}" does not exist.${didYouMean(device, devices())} A level with a missing device can never succeed.`,
        );
      } else if (target.place.name !== "primitive" || classOf(target, survey) !== "stonith") {
        problems.add(
          "error",
          "not-a-fence-device",
          level.place,
          `"${device}" is no fence device: only a <primitive> of class stonith is one.`,
        );
      }
    }
    const key = ["target", "target-pattern", "target-attribute", "target-value", "index"]
      .map((name) => attributes[name] ?? "")
      .join("\n");
    if (seen.has(key)) {
      problems.add(
        "warning",
        "duplicate-level",
        level.place,
        "Another level has the same target and index, so only one of the two counts. Give it another index, or put both devices into one level.",
      );
    }
    seen.add(key);
  }
}

function checkNodeNames(survey: Survey, problems: Problems): void {
  const names = knownNodeNames(survey);
  if (names.size === 0) return;
  const places: readonly (readonly [string, string])[] = [
    ["rsc_location", "node"],
    ["fencing-level", "target"],
  ];
  for (const [element, attribute] of places) {
    for (const found of foundNamed(survey, element)) {
      const node = found.element.attributes[attribute];
      if (node === undefined || names.has(node.toLowerCase())) continue;
      problems.add(
        "warning",
        "unknown-node",
        found.place,
        `There is no node "${node}" (yet), so this has no effect.${didYouMean(node, [...names])}`,
      );
    }
  }
}

/** Names and ids of nodes, and of resources that are connections to remote and guest nodes; in lower case. */
function knownNodeNames(survey: Survey): Set<string> {
  const names = new Set<string>();
  for (const node of foundNamed(survey, "node")) {
    for (const name of ["uname", "id"]) names.add((node.element.attributes[name] ?? "").toLowerCase());
  }
  for (const primitive of foundNamed(survey, "primitive")) {
    if (primitive.element.attributes["type"] === "remote")
      names.add((primitive.element.attributes["id"] ?? "").toLowerCase());
  }
  for (const pair of foundNamed(survey, "nvpair")) {
    if (pair.element.attributes["name"] === "remote-node")
      names.add((pair.element.attributes["value"] ?? "").toLowerCase());
  }
  return names;
}

function checkTags(survey: Survey, problems: Problems): void {
  const nodes = new Set(foundNamed(survey, "node").flatMap((node) => node.element.attributes["id"] ?? []));
  for (const found of foundNamed(survey, "obj_ref")) {
    const id = found.element.attributes["id"];
    if (id === undefined || survey.byId.has(id) || nodes.has(id)) continue;
    const resources = foundNamed(survey, ...RESOURCE_ELEMENTS).flatMap((each) => each.element.attributes["id"] ?? []);
    problems.add(
      "warning",
      "unknown-tagged",
      found.place,
      `The tag names "${id}", which does not exist.${didYouMean(id, resources)}`,
    );
  }
}
