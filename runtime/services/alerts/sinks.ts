// Who is to be told of what: the <alerts> of a CIB as a list of recipients.
// Source of the form: Pacemaker Explained, "Alerts". A recipient's own settings come before those of its alert.

import type { Alert } from "../../../sdk/mod.ts";
import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import { parseIntervalMs } from "../../model/duration.ts";
import type { RuleInput } from "../../model/rule.ts";
import { isTrue } from "../../model/text.ts";
import type { AlertSink } from "../calls.ts";
import { readBlocks } from "../scheduler/attributes.ts";
import { DEFAULT_TIMESTAMP_FORMAT } from "./timestamp.ts";

/** How long one delivery may take, where the CIB does not say (Pacemaker's default). */
export const DEFAULT_TIMEOUT_MS = 30_000;
/** Alerts with the plugins' own kind of path; every other path is a program. */
export const SINK_PREFIX = "systole:";

/** What can be selected; a `dropped` alert concerns the queue itself and is not asked for. */
export type SelectedKind = Exclude<Alert["kind"], "dropped">;

/** A recipient of alerts, or an alert without recipients. */
export interface Sink extends AlertSink {
  readonly timeoutMs: number;
  readonly timestampFormat: string;
  readonly kinds: ReadonlySet<SelectedKind>;
  /** Names of the attributes that are wanted; undefined: all. */
  readonly attributes: ReadonlySet<string> | undefined;
}

const DEFAULT_KINDS: ReadonlySet<SelectedKind> = new Set(["node", "fencing", "resource"]);

const SELECTED: Readonly<Record<string, SelectedKind>> = {
  select_nodes: "node",
  select_fencing: "fencing",
  select_resources: "resource",
  select_attributes: "attribute",
};

/** The section, which stays the same object while it says the same. */
export function alertsSection(cib: Element): Element | undefined {
  return childNamed(childNamed(cib, "configuration"), "alerts");
}

/** Whether who is told depends on the time. */
export function hasRules(element: Element): boolean {
  return element.name === "rule" || element.children.some(hasRules);
}

function settings(owners: readonly Element[], set: string, input: RuleInput): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const owner of owners) readBlocks(owner, set, values, input);
  return values;
}

function isEnabled(owner: Element, input: RuleInput): boolean {
  const enabled = settings([owner], "meta_attributes", input).get("enabled");
  return enabled === undefined || isTrue(enabled);
}

function timeoutOf(text: string | undefined): number {
  const timeoutMs = parseIntervalMs(text);
  return timeoutMs > 0 ? timeoutMs : DEFAULT_TIMEOUT_MS;
}

function selection(alert: Element): Pick<Sink, "kinds" | "attributes"> {
  const kinds = new Set<SelectedKind>();
  const names = new Set<string>();
  for (const wanted of childNamed(alert, "select")?.children ?? []) {
    const kind = SELECTED[wanted.name];
    if (kind !== undefined) kinds.add(kind);
    for (const { attributes } of childrenNamed(wanted, "attribute")) {
      if (attributes["name"] !== undefined) names.add(attributes["name"]);
    }
  }
  return { kinds: kinds.size === 0 ? DEFAULT_KINDS : kinds, attributes: names.size === 0 ? undefined : names };
}

function sinkOf(alert: Element, recipient: Element | undefined, input: RuleInput): Sink | undefined {
  const id = recipient?.attributes["id"] ?? alert.attributes["id"];
  const path = alert.attributes["path"];
  if (id === undefined || path === undefined) return undefined;
  const owners = recipient === undefined ? [alert] : [recipient, alert];
  const meta = settings(owners, "meta_attributes", input);
  const value = recipient?.attributes["value"];
  return {
    id,
    path,
    parameters: Object.fromEntries(settings(owners, "instance_attributes", input)),
    ...(value === undefined ? {} : { recipient: value }),
    timeoutMs: timeoutOf(meta.get("timeout")),
    timestampFormat: meta.get("timestamp-format") ?? DEFAULT_TIMESTAMP_FORMAT,
    ...selection(alert),
  };
}

/** Those who are to be told now, in the order of the document; who is switched off is not among them. */
export function readSinks(section: Element | undefined, input: RuleInput): Sink[] {
  const sinks: Sink[] = [];
  for (const alert of childrenNamed(section, "alert")) {
    // A recipient cannot switch on what is off as a whole.
    if (!isEnabled(alert, input)) continue;
    const recipients = childrenNamed(alert, "recipient");
    const wanted = recipients.filter((recipient) => isEnabled(recipient, input));
    const read = recipients.length === 0 ? [undefined] : wanted;
    for (const recipient of read) {
      const sink = sinkOf(alert, recipient, input);
      if (sink !== undefined) sinks.push(sink);
    }
  }
  return sinks;
}

/** Whether a sink wants to hear of this kind, and of an attribute of this name. */
export function isWanted(sink: Sink, kind: SelectedKind, attribute: string | undefined): boolean {
  if (!sink.kinds.has(kind)) return false;
  return attribute === undefined || sink.attributes === undefined || sink.attributes.has(attribute);
}
