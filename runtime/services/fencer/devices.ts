// What the configuration says of fence devices: which there are, whom they can switch, in which order they are tried, and on which
// nodes they may be used.
// Source of the form: Pacemaker Explained, "Fencing" (pcmk_* parameters, fencing topology).

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import { parseIntervalMs } from "../../model/duration.ts";
import { parseScore } from "../../model/score.ts";
import { compareText } from "../../model/text.ts";

/** What a fence asks of the power. */
export type FenceAction = "off" | "on" | "reboot";

/** Attempts with one device when nothing is configured (pcmk_off_retries and the like). */
export const DEFAULT_ATTEMPTS = 2;
/** More attempts than this are not made, whatever is configured. */
export const MAX_ATTEMPTS = 20;

/** A fence device as configured. */
export interface FenceDevice {
  readonly id: string;
  readonly type: string;
  /** What the device's own code gets. */
  readonly parameters: Readonly<Record<string, string>>;
  /** All parameters, those that begin with pcmk_ among them. */
  readonly settings: Readonly<Record<string, string>>;
  /** Higher first, where no topology says otherwise. */
  readonly priority: number;
  /** Names of nodes that a location constraint keeps it from. */
  readonly bannedFrom: readonly string[];
}

/** One step of a fencing topology: all of its devices must succeed. */
export interface FenceLevel {
  readonly index: number;
  readonly devices: readonly string[];
}

/** The devices that may be used, sorted by priority, then id. Devices that are stopped on purpose are left out. */
export function readDevices(cib: Element): FenceDevice[] {
  const configuration = childNamed(cib, "configuration");
  const resources = childNamed(configuration, "resources");
  const bans = readBans(childNamed(configuration, "constraints"));
  const devices: FenceDevice[] = [];
  for (const primitive of primitivesBelow(resources)) {
    const template = childNamed(resources, "template", primitive.attributes["template"] ?? "");
    const resourceClass = primitive.attributes["class"] ?? template?.attributes["class"];
    if (resourceClass !== "stonith") continue;
    const meta = { ...pairs(template, "meta_attributes"), ...pairs(primitive, "meta_attributes") };
    if ((meta["target-role"] ?? "").toLowerCase() === "stopped") continue;
    const settings = { ...pairs(template, "instance_attributes"), ...pairs(primitive, "instance_attributes") };
    const type = primitive.attributes["type"] ?? template?.attributes["type"] ?? "";
    const id = primitive.attributes["id"] ?? "";
    devices.push({
      id,
      type,
      parameters: ownParameters(type, settings),
      settings,
      priority: parseScore(settings["priority"] ?? "0") ?? 0,
      bannedFrom: bans.get(id) ?? [],
    });
  }
  return devices.sort((a, b) => b.priority - a.priority || compareText(a.id, b.id));
}

/** Native devices validate their parameters strictly, so what only the fencer reads is taken out for them. */
export function ownParameters(
  type: string,
  settings: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  if (!type.startsWith("systole:")) return settings;
  return Object.fromEntries(
    Object.entries(settings).filter(([name]) => !name.startsWith("pcmk_") && name !== "priority"),
  );
}

function* primitivesBelow(parent: Element | undefined): Generator<Element> {
  for (const child of parent?.children ?? []) {
    if (child.name === "primitive") yield child;
    else if (child.name === "group" || child.name === "clone" || child.name === "master") yield* primitivesBelow(child);
  }
}

/** Name-value pairs of the attribute sets of that kind; the first set that names one wins, as in Pacemaker. */
function pairs(owner: Element | undefined, set: string): Record<string, string> {
  const values: Record<string, string> = {};
  for (const attributes of childrenNamed(owner, set)) {
    for (const pair of childrenNamed(attributes, "nvpair")) {
      const name = pair.attributes["name"];
      const value = pair.attributes["value"];
      if (name !== undefined && value !== undefined && !(name in values)) values[name] = value;
    }
  }
  return values;
}

/** Plain location constraints with -INFINITY, by resource; rules choose where a device is monitored and are not asked here. */
function readBans(constraints: Element | undefined): Map<string, string[]> {
  const bans = new Map<string, string[]>();
  for (const location of childrenNamed(constraints, "rsc_location")) {
    const { rsc, node, score } = location.attributes;
    if (rsc === undefined || node === undefined || parseScore(score ?? "0") !== parseScore("-INFINITY")) continue;
    bans.set(rsc, [...(bans.get(rsc) ?? []), node]);
  }
  return bans;
}

/** Whether a device is configured for a victim, as pcmk_host_list, pcmk_host_map and pcmk_host_check say. */
export function canFence(device: FenceDevice, target: string): boolean {
  const list = words(device.settings["pcmk_host_list"]);
  const map = hostMap(device);
  const check = device.settings["pcmk_host_check"] ?? (list.length > 0 || map.size > 0 ? "static-list" : "none");
  if (check === "none") return true;
  // A list that only the device knows is asked of it by trying: whom it does not know it cannot read as off.
  if (check !== "static-list")
    return list.length === 0 && map.size === 0 ? true : list.includes(target) || map.has(target);
  return list.includes(target) || map.has(target);
}

/** What the device itself calls the victim. */
export function targetName(device: FenceDevice, target: string): string {
  return hostMap(device).get(target) ?? target;
}

function words(text: string | undefined): string[] {
  return (text ?? "").split(/[\s,;]+/).filter((word) => word !== "");
}

/** "node1:1;node2:2,3" */
function hostMap(device: FenceDevice): Map<string, string> {
  const map = new Map<string, string>();
  for (const entry of (device.settings["pcmk_host_map"] ?? "").split(/[\s;]+/)) {
    const colon = entry.search(/[:=]/);
    if (colon > 0) map.set(entry.slice(0, colon), entry.slice(colon + 1));
  }
  return map;
}

/** What the power is really asked for: pcmk_reboot_action and pcmk_off_action can turn one wish into another. */
export function mappedAction(device: FenceDevice, action: FenceAction): FenceAction {
  const mapped = device.settings[`pcmk_${action}_action`]?.toLowerCase();
  return mapped === "off" || mapped === "reboot" || mapped === "on" ? mapped : action;
}

/** How long the device may take for the action, tries and reading back included. */
export function deviceTimeoutMs(device: FenceDevice, action: FenceAction, stonithTimeoutMs: number): number {
  const configured = parseIntervalMs(device.settings[`pcmk_${action}_timeout`]);
  return configured > 0 ? configured : stonithTimeoutMs;
}

/** How often the device is tried within its time. */
export function deviceAttempts(device: FenceDevice, action: FenceAction): number {
  const configured = Number(device.settings[`pcmk_${action}_retries`] ?? DEFAULT_ATTEMPTS);
  return Number.isInteger(configured) && configured > 0 ? Math.min(configured, MAX_ATTEMPTS) : DEFAULT_ATTEMPTS;
}

/** How long to wait before a device is used, so that of two nodes that fence each other one is first. `random` is 0 up to 1. */
export function deviceDelayMs(device: FenceDevice, target: string, random: () => number): number {
  const baseMs = parseIntervalMs(delayBaseFor(device.settings["pcmk_delay_base"], target));
  const maxMs = parseIntervalMs(device.settings["pcmk_delay_max"]);
  return maxMs > baseMs ? Math.floor(baseMs + random() * (maxMs - baseMs)) : baseMs;
}

/** "5s" for all, or "node1:0s;node2:10s". */
function delayBaseFor(text: string | undefined, target: string): string | undefined {
  if (text === undefined || !text.includes(":")) return text;
  for (const entry of text.split(/[\s;]+/)) {
    const colon = entry.indexOf(":");
    if (colon > 0 && entry.slice(0, colon) === target) return entry.slice(colon + 1);
  }
  return undefined;
}

/** The levels of the topology for a victim, lowest index first; empty when none is configured for it. */
export function readLevels(cib: Element, target: string): FenceLevel[] {
  const configuration = childNamed(cib, "configuration");
  const node = childrenNamed(childNamed(configuration, "nodes"), "node").find(
    (candidate) => candidate.attributes["uname"] === target,
  );
  const attributes = pairs(node, "instance_attributes");
  const levels = new Map<number, string[]>();
  for (const level of childrenNamed(childNamed(configuration, "fencing-topology"), "fencing-level")) {
    const index = Number(level.attributes["index"]);
    if (!Number.isInteger(index) || index < 1 || !levelIsFor(level, target, attributes)) continue;
    const devices = (level.attributes["devices"] ?? "").split(",").map((device) => device.trim());
    levels.set(index, [...(levels.get(index) ?? []), ...devices.filter((device) => device !== "")]);
  }
  return [...levels].sort(([a], [b]) => a - b).map(([index, devices]) => ({ index, devices }));
}

function levelIsFor(level: Element, target: string, attributes: Readonly<Record<string, string>>): boolean {
  if (level.attributes["target"] !== undefined) return level.attributes["target"] === target;
  const pattern = level.attributes["target-pattern"];
  if (pattern !== undefined) {
    try {
      return new RegExp(pattern).test(target);
    } catch {
      return false;
    }
  }
  const name = level.attributes["target-attribute"];
  return name !== undefined && attributes[name] === level.attributes["target-value"];
}

/** Everything in the configuration that a fence depends on, as a text to compare: devices, topology, stonith-* properties. */
export function fenceSetup(cib: Element): string {
  const configuration = childNamed(cib, "configuration");
  const properties = childrenNamed(childNamed(configuration, "crm_config"), "cluster_property_set")
    .flatMap((set) => childrenNamed(set, "nvpair"))
    .filter((pair) => /^stonith[-_]/.test(pair.attributes["name"] ?? ""))
    .map((pair) => [pair.attributes["name"], pair.attributes["value"]]);
  return JSON.stringify([readDevices(cib), childNamed(configuration, "fencing-topology") ?? null, properties]);
}
