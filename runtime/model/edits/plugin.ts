// Verbs about the plugins that the cluster has agreed on: adding and updating, approving, rolling back, removing.

import type { Element } from "../../kernel/cib/element.ts";
import type { CibPath } from "../../kernel/messages.ts";
import { didYouMean } from "../nearest.ts";
import {
  crmConfig,
  type LockedPlugin,
  lockProperty,
  lockValue,
  MAX_ENTRY_CHARACTERS,
  MAX_LOCKED_PLUGINS,
  type PermissionPatterns,
  type PluginVersion,
  patternsOf,
  readPluginLock,
} from "../plugin-lock.ts";
import { deleteOption, type OptionHome, setOption } from "./options.ts";
import { type EditPlan, type EditResult, plan, type Refused } from "./plan.ts";

const CRM_CONFIG: CibPath = [{ name: "configuration" }, { name: "crm_config" }];
const SET_ID = "systole-plugins";

function home(cib: Element): OptionHome {
  const config = crmConfig(cib);
  // A set of its own, whatever other sets there are: people edit those.
  const owner =
    config === undefined
      ? undefined
      : { ...config, children: config.children.filter((child) => child.attributes["id"] === SET_ID) };
  return { owner, path: CRM_CONFIG, set: "cluster_property_set", newSetId: SET_ID };
}

function put(cib: Element, entry: LockedPlugin, summary: string, notes: readonly string[] = []): EditResult {
  const value = lockValue(entry);
  if (value.length > MAX_ENTRY_CHARACTERS) {
    return {
      code: "plugin-lock",
      refused: `The entry of plugin ${entry.name} in the lock has ${value.length} characters; ${MAX_ENTRY_CHARACTERS} are allowed. Declare fewer permissions.`,
    };
  }
  const edits = setOption(cib, home(cib), lockProperty(entry.kind, entry.name), value);
  return plan(
    edits,
    edits.length === 0 ? `Nothing to change: ${summary.charAt(0).toLowerCase()}${summary.slice(1)}` : summary,
    notes,
  );
}

/** The plugin of that name in the lock; `kind` where there are several. */
export function findLocked(cib: Element, name: string, kind?: string): LockedPlugin | Refused {
  const { plugins, unreadable } = readPluginLock(cib);
  const found = plugins.filter((plugin) => plugin.name === name && (kind === undefined || plugin.kind === kind));
  const [first] = found;
  if (found.length > 1) {
    const kinds = found.map((plugin) => plugin.kind).join(" and ");
    return { code: "ambiguous", refused: `There are several plugins "${name}": ${kinds}. Say which with --kind.` };
  }
  if (first !== undefined) return first;
  const bad = unreadable.find((property) => property.endsWith(`-${name}`));
  if (bad !== undefined) {
    return {
      code: "plugin-lock",
      refused: `The entry ${bad} of the lock cannot be read. Delete it ("systole property delete ${bad}") and add the plugin again.`,
    };
  }
  const names = plugins.map((plugin) => plugin.name);
  const list = names.length === 0 ? " It has agreed on none." : didYouMean(name, names);
  return { refused: `The cluster has agreed on no plugin "${name}".${list} "systole plugin add" adds one.` };
}

/** A new plugin. The same bytes again change nothing; other bytes are an update. */
export function addPluginEdits(cib: Element, kind: string, name: string, version: PluginVersion): EditResult {
  const { plugins } = readPluginLock(cib);
  const known = plugins.find((plugin) => plugin.kind === kind && plugin.name === name);
  if (known !== undefined && known.current.sha512 !== version.sha512) {
    return {
      code: "plugin-other-bytes",
      refused: `The cluster has agreed on other bytes of the ${kind} ${name} (${known.current.sha512}, from ${known.current.source}). Use "systole plugin update" if it shall have these.`,
    };
  }
  if (known !== undefined) return plan([], `The cluster has agreed on these bytes of the ${kind} ${name} already.`);
  if (plugins.length >= MAX_LOCKED_PLUGINS) {
    return { code: "plugin-lock", refused: `The lock has ${MAX_LOCKED_PLUGINS} plugins already. Remove one first.` };
  }
  return put(cib, { kind, name, current: version }, addedText(kind, name, version));
}

function addedText(kind: string, name: string, version: PluginVersion): string {
  return version.grants === undefined
    ? `The ${kind} ${name} waits for approval: "systole plugin approve ${name}".`
    : `The cluster agrees on the ${kind} ${name}.`;
}

/** Other bytes of a plugin that is there; those of now become the previous ones. */
export function updatePluginEdits(cib: Element, kind: string, name: string, version: PluginVersion): EditResult {
  const known = findLocked(cib, name, kind);
  if ("refused" in known) return known;
  if (known.current.sha512 === version.sha512) {
    return plan([], `The cluster has agreed on these bytes of the ${kind} ${name} already.`);
  }
  const text = `The cluster agrees on new bytes of the ${kind} ${name}; "systole plugin rollback ${name}" takes them back.`;
  return put(cib, { kind, name, current: version, previous: known.current }, text);
}

/** The bytes of before the last update, with what they were granted; asked twice, it is as before. */
export function rollbackPluginEdits(cib: Element, name: string, kind?: string): EditResult {
  const known = findLocked(cib, name, kind);
  if ("refused" in known) return known;
  if (known.previous === undefined) {
    return {
      refused: `The ${known.kind} ${name} was not updated since it was added, so there is nothing to go back to.`,
    };
  }
  // Whoever goes back does so because the present one is wrong, so what that sees is no measure.
  const entry = { ...known, current: { ...known.previous, unproven: true as const }, previous: known.current };
  return put(
    cib,
    entry,
    `The ${known.kind} ${name} goes back to what it was before the last update (${known.previous.version ?? known.previous.source}).`,
  );
}

/** Grants a plugin what it asks for, or a part of it. */
export function approvePluginEdits(cib: Element, name: string, grants: PermissionPatterns, kind?: string): EditResult {
  const known = findLocked(cib, name, kind);
  if ("refused" in known) return known;
  for (const [what, patterns] of Object.entries(grants)) {
    const beyond = patterns.find((pattern) => !patternsOf(known.current.permissions, what).includes(pattern));
    if (beyond !== undefined) {
      return { refused: `The ${known.kind} ${name} does not ask for ${what} "${beyond}", so it cannot be granted.` };
    }
  }
  return put(cib, { ...known, current: { ...known.current, grants } }, `The ${known.kind} ${name} is approved.`);
}

/** Takes a plugin out of the lock; resources that use it are named. */
export function removePluginEdits(
  cib: Element,
  name: string,
  users: readonly string[],
  kind?: string,
): EditPlan | Refused {
  const known = findLocked(cib, name, kind);
  if ("refused" in known) return known;
  if (users.length > 0) {
    return {
      code: "plugin-used",
      refused: `The ${known.kind} ${name} is used by ${users.join(", ")}, which nothing could stop or watch without it. Delete ${users.length === 1 ? "that" : "those"} first.`,
    };
  }
  return plan(
    deleteOption(home(cib), lockProperty(known.kind, name)),
    `The ${known.kind} ${name} is no longer agreed on.`,
  );
}

/** Whether an element of the configuration is of a plugin of that kind and name. */
function isOf({ name: tag, attributes }: Element, kind: string, name: string): boolean {
  const { class: standard, provider, type, path } = attributes;
  // An arbiter is named in the nodes' configuration.
  if (kind === "arbiter") return false;
  if (kind === "alert") return tag === "alert" && path === `systole:${name}`;
  if (kind === "fence-device") return standard === "stonith" && type === `systole:${name}`;
  return standard === "ocf" && provider === "systole" && type === name;
}

/** Resources, fence devices or alerts of the configuration that are of a plugin. */
export function usersOf(cib: Element, kind: string, name: string): string[] {
  const users: string[] = [];
  const look = (element: Element): void => {
    const { id } = element.attributes;
    if (id !== undefined && isOf(element, kind, name)) users.push(id);
    for (const child of element.children) look(child);
  };
  const configuration = cib.children.find((child) => child.name === "configuration");
  const section = kind === "alert" ? "alerts" : "resources";
  const searched = configuration?.children.find((child) => child.name === section);
  if (searched !== undefined) look(searched);
  return users.sort();
}
