// The version of the CIB and the attributes of its root: what they mean, who sets them, and how the document splits in the
// durable part and the rest.
//
// Pacemaker's rules: versions are compared as admin_epoch, epoch, num_updates from left to right. admin_epoch belongs to the
// administrator. A change of the configuration raises epoch by one and sets num_updates to 0; a change of the status section
// only raises num_updates by one.
//
// The durable document is the CIB without its status section, with num_updates 0 and without what follows from the view
// (have-quorum, dc-uuid). The CIB that is shown is put together from it, the status section and the view.

import type { CibPath, CibVersion, PathStep } from "../messages.ts";
import { childNamed, type Element, element, withAttributes } from "./element.ts";

/** The generation of Pacemaker's schemas that a founding CIB names. */
export const SCHEMA = "pacemaker-3.9";
/** The feature set that goes with it (Pacemaker 2.1.5). */
export const FEATURE_SET = "3.16.2";

const NO_STATUS = element("status");

/** The version that the root says; what is not a number counts as 0, as in Pacemaker. */
export function versionOf(cib: Element): CibVersion {
  return {
    adminEpoch: numberOf(cib.attributes["admin_epoch"]),
    epoch: numberOf(cib.attributes["epoch"]),
    numUpdates: numberOf(cib.attributes["num_updates"]),
  };
}

function numberOf(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

/** The same CIB under another version. */
export function withVersion(cib: Element, version: CibVersion): Element {
  return withAttributes(cib, {
    admin_epoch: String(version.adminEpoch),
    epoch: String(version.epoch),
    num_updates: String(version.numUpdates),
  });
}

/** Negative when `a` is older. */
export function compareVersions(a: CibVersion, b: CibVersion): number {
  return a.adminEpoch - b.adminEpoch || a.epoch - b.epoch || a.numUpdates - b.numUpdates;
}

/** `0.12.3`, as Pacemaker's tools write it. */
export function formatVersion(version: CibVersion): string {
  return `${version.adminEpoch}.${version.epoch}.${version.numUpdates}`;
}

/** The CIB of a new cluster: every section that must be there, empty. */
export function foundingCib(): Element {
  const attributes = {
    crm_feature_set: FEATURE_SET,
    "validate-with": SCHEMA,
    admin_epoch: "0",
    epoch: "0",
    num_updates: "0",
  };
  const sections = ["crm_config", "nodes", "resources", "constraints"].map((name) => element(name));
  return element("cib", attributes, [element("configuration", {}, sections), NO_STATUS]);
}

/** What of the CIB is durable. Costs the same for every size. */
export function durableDocument(cib: Element): Element {
  const changes = { num_updates: "0", "have-quorum": undefined, "dc-uuid": undefined };
  const root = withAttributes(cib, changes);
  return { ...root, children: [childNamed(cib, "configuration") ?? element("configuration")] };
}

/** The CIB as it is shown: the durable document with a status section and what follows from the view. */
export function composeCib(
  document: Element,
  status: Element,
  numUpdates: number,
  view: { readonly quorate: boolean; readonly coordinator: number },
): Element {
  const root = withAttributes(document, {
    num_updates: String(numUpdates),
    "have-quorum": view.quorate ? "1" : "0",
    "dc-uuid": view.coordinator === 0 ? undefined : String(view.coordinator),
  });
  return { ...root, children: [childNamed(document, "configuration") ?? element("configuration"), status] };
}

/** The status section; an empty one when there is none. */
export function statusOf(cib: Element): Element {
  return childNamed(cib, "status") ?? NO_STATUS;
}

/** Whether what lies at this path is durable: everything but the status section. */
export function isDurablePath(path: CibPath): boolean {
  return path[0]?.name !== "status";
}

/** Whether the step names this element. */
export function stepMatches(step: PathStep, candidate: Element): boolean {
  return candidate.name === step.name && candidate.attributes["id"] === step.id;
}

/** Where among the children the one is that a step names; -1 when it is not there. */
export function placeOf(children: readonly Element[], step: PathStep): number {
  for (let at = 0; at < children.length; at += 1) {
    const child = children[at];
    if (child !== undefined && stepMatches(step, child)) return at;
  }
  return -1;
}

/** The step that names this element. */
export function stepOf(named: Element): PathStep {
  const id = named.attributes["id"];
  return id === undefined ? { name: named.name } : { name: named.name, id };
}

/** `/cib/configuration/resources/primitive[@id='web']`, for people and for Pacemaker's patchsets. */
export function formatPath(path: CibPath): string {
  return `/cib${path.map((step) => `/${step.name}${step.id === undefined ? "" : `[@id='${step.id}']`}`).join("")}`;
}

/** The element at a path; undefined when there is none. */
export function elementAt(cib: Element, path: CibPath): Element | undefined {
  let found: Element | undefined = cib;
  for (const step of path) {
    found = found?.children.find((child) => stepMatches(step, child));
    if (found === undefined) return undefined;
  }
  return found;
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_MS = 86_400_000;

/** The form of cib-last-written: "Fri Nov 20 08:01:59 2026", here always in UTC so that it is the same on each node. */
export function formatLastWritten(epochMs: number): string {
  const days = Math.floor(epochMs / DAY_MS);
  const seconds = Math.floor((epochMs - days * DAY_MS) / 1000);
  const { year, month, day } = civilDate(days);
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map(twoDigits).join(":");
  // 1970-01-01 was a Thursday.
  const weekday = DAYS[(((days + 4) % 7) + 7) % 7];
  return `${weekday} ${MONTHS[month - 1]} ${twoDigits(day)} ${clock} ${year}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}

/** Days since 1970-01-01 to a date of the Gregorian calendar; counts in eras of 400 years that begin on 1 March. */
function civilDate(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}
