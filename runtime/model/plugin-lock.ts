// Which plugins the cluster has agreed on: each by the digest of its bytes, with what it may do. The lock stands in the CIB, so
// it changes as the configuration does: durable on every member of a primary view, with author and reason, and it can be undone.
//
// Form: one nvpair a plugin, named systole-plugin-KIND-NAME, in a cluster_property_set of its own; its value is the entry as JSON.
// Pacemaker's tools keep properties that they do not know.

import Type, { type Static } from "typebox";
import { Compile } from "typebox/schema";
import { childNamed, childrenNamed, type Element } from "../kernel/cib/element.ts";

/** Begins the names of the properties that make up the lock. */
export const LOCK_PREFIX = "systole-plugin-";

/** Longest entry, in characters: permissions of a plugin are a page at most. */
export const MAX_ENTRY_CHARACTERS = 65_536;

/** More plugins than anybody runs. */
export const MAX_LOCKED_PLUGINS = 256;

const closed = { additionalProperties: false } as const;
const text = (maxLength: number) => Type.String({ minLength: 1, maxLength });

/** Patterns by kind of permission, as in the plugin's manifest. */
const permissionsSchema = Type.Record(Type.String({ maxLength: 64 }), Type.Array(text(1024), { maxItems: 256 }));

const versionSchema = Type.Object(
  {
    /** `sha512-` and the digest of the bundle in base64. */
    sha512: Type.String({ pattern: "^sha512-[A-Za-z0-9+/]{86}==$" }),
    /** The plugin API that it speaks. */
    api: Type.Integer({ minimum: 1, maximum: 1_000 }),
    /** Of the package, where it says so. */
    version: Type.Optional(text(64)),
    /** Where it came from, for people. */
    source: text(512),
    /** What the plugin asks for. */
    permissions: permissionsSchema,
    /** What it was granted; missing as long as nobody has approved of it, and then it does not run. */
    grants: Type.Optional(permissionsSchema),
    /** It takes over also when it sees something else than the version before: the operator wants it so. */
    unproven: Type.Optional(Type.Literal(true)),
    /** Detached Ed25519 signatures of the bundle's SHA-512, in base64. */
    signatures: Type.Optional(Type.Array(Type.String({ pattern: "^[A-Za-z0-9+/]{86}==$" }), { maxItems: 16 })),
  },
  closed,
);

const entrySchema = Type.Object({ ...versionSchema.properties, previous: Type.Optional(versionSchema) }, closed);

type Immutable<T> = T extends readonly (infer Item)[]
  ? readonly Immutable<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Immutable<T[Key]> }
    : T;

/** One version of a plugin: bytes, and what they may do. */
export type PluginVersion = Immutable<Static<typeof versionSchema>>;

/** Patterns by kind of permission. */
export type PermissionPatterns = PluginVersion["permissions"];

/** A plugin as the cluster has agreed on it. */
export interface LockedPlugin {
  /** `resource-agent`, `fence-device`. */
  readonly kind: string;
  readonly name: string;
  readonly current: PluginVersion;
  /** What it was before the last update: for a rollback, and for nodes that cannot run the current one yet. */
  readonly previous?: PluginVersion;
}

/** What stands in the CIB: the plugins by kind and name, and the properties that cannot be read. */
export interface PluginLock {
  readonly plugins: readonly LockedPlugin[];
  readonly unreadable: readonly string[];
}

const NAME = /^systole-plugin-(resource-agent|fence-device|alert|arbiter)-([a-z][a-z0-9]*(?:-[a-z0-9]+)*)$/;

const checkEntry = Compile(entrySchema);

/** The name of a plugin's property. */
export function lockProperty(kind: string, name: string): string {
  return `${LOCK_PREFIX}${kind}-${name}`;
}

/** Whether a kind of plugin can be in the lock; transports cannot, they run inside the pulse and come with the release. */
export function isLockable(kind: string): boolean {
  return NAME.test(lockProperty(kind, "x"));
}

/** Value of a plugin's property; members in one order, so that the same entry is the same text. */
export function lockValue({ current, previous }: LockedPlugin): string {
  return JSON.stringify({
    ...orderedVersion(current),
    ...(previous === undefined ? {} : { previous: orderedVersion(previous) }),
  });
}

function orderedVersion(version: PluginVersion): PluginVersion {
  const { sha512, api, version: named, source, permissions, grants, unproven, signatures } = version;
  return {
    sha512,
    api,
    ...(named === undefined ? {} : { version: named }),
    source,
    permissions: orderedPatterns(permissions),
    ...(grants === undefined ? {} : { grants: orderedPatterns(grants) }),
    ...(unproven === undefined ? {} : { unproven }),
    ...(signatures === undefined || signatures.length === 0 ? {} : { signatures: [...signatures].sort() }),
  };
}

function orderedPatterns(patterns: PermissionPatterns): PermissionPatterns {
  const kinds = Object.keys(patterns).sort();
  return Object.fromEntries(kinds.map((kind) => [kind, [...patternsOf(patterns, kind)].sort()]));
}

/** The patterns of a kind. Kinds come from outside, and every object has a "constructor". */
export function patternsOf(permissions: PermissionPatterns, kind: string): readonly string[] {
  return (Object.hasOwn(permissions, kind) ? permissions[kind] : undefined) ?? [];
}

/** The entry of a property; undefined when it cannot be read. */
function parseEntry(property: string, value: string): LockedPlugin | undefined {
  const [, kind, name] = NAME.exec(property) ?? [];
  if (kind === undefined || name === undefined || value.length > MAX_ENTRY_CHARACTERS) return undefined;
  let entry: unknown;
  try {
    entry = JSON.parse(value);
  } catch {
    return undefined;
  }
  if (!checkEntry.Check(entry)) return undefined;
  const { previous, ...current } = entry;
  return { kind, name, current, ...(previous === undefined ? {} : { previous }) };
}

/** The lock of a CIB, sorted by kind and name. What cannot be read is named; such a plugin does not run. */
export function readPluginLock(cib: Element): PluginLock {
  const found = new Map<string, LockedPlugin | undefined>();
  for (const set of childrenNamed(crmConfig(cib), "cluster_property_set")) {
    for (const pair of childrenNamed(set, "nvpair")) {
      const { name = "", value = "" } = pair.attributes;
      if (name.startsWith(LOCK_PREFIX) && !found.has(name)) found.set(name, parseEntry(name, value));
    }
  }
  const names = [...found.keys()].sort();
  return {
    plugins: names.flatMap((name) => found.get(name) ?? []).slice(0, MAX_LOCKED_PLUGINS),
    unreadable: names.filter((name) => found.get(name) === undefined),
  };
}

/** Where the lock stands: unchanged as long as this element is the same one. */
export function crmConfig(cib: Element): Element | undefined {
  return childNamed(childNamed(cib, "configuration"), "crm_config");
}

/** A configuration that is to take another one's place, with what it keeps of it. */
export interface WithLock {
  readonly configuration: Element;
  /** Plugins whose entries were kept: `fence-device mine`. */
  readonly kept: readonly string[];
}

/**
 * The lock is what the cluster has agreed on, not what somebody writes into a file: a configuration that names none of it keeps
 * the one that runs; one that names any of it says what the lock shall be.
 */
export function keepPluginLock(configuration: Element, running: Element): WithLock {
  const kept = lockSets(running);
  if (kept.length === 0 || lockSets(configuration).length > 0) return { configuration, kept: [] };
  const old = childNamed(configuration, "crm_config");
  const joined = new Set<string>();
  const children = (old?.children ?? []).map((child) => {
    const same = kept.find(({ attributes }) => attributes["id"] === child.attributes["id"]);
    if (same === undefined) return child;
    joined.add(same.attributes["id"] ?? "");
    return { ...child, children: [...child.children, ...same.children] };
  });
  const others = kept.filter(({ attributes }) => !joined.has(attributes["id"] ?? ""));
  const crmConfig = { name: "crm_config", attributes: old?.attributes ?? {}, children: [...children, ...others] };
  const sections = configuration.children.map((child) => (child === old ? crmConfig : child));
  const names = kept.flatMap((set) => set.children.map(({ attributes }) => attributes["name"] ?? ""));
  return {
    configuration: { ...configuration, children: old === undefined ? [crmConfig, ...sections] : sections },
    kept: [...new Set(names)].sort().map((name) => name.replace(NAME, "$1 $2")),
  };
}

/** The sets of properties in which a lock stands, with nothing else in them. */
function lockSets(configuration: Element): Element[] {
  return childrenNamed(childNamed(configuration, "crm_config"), "cluster_property_set")
    .map((set) => ({ ...set, children: set.children.filter(isLockPair) }))
    .filter(({ children }) => children.length > 0);
}

function isLockPair({ name, attributes }: Element): boolean {
  return name === "nvpair" && attributes["name"]?.startsWith(LOCK_PREFIX) === true;
}

/** The text of plugins.lock.json: what the CIB says, for people and for tools. */
export function lockFileText({ plugins }: PluginLock): string {
  const entries = plugins.map((plugin) => [`${plugin.kind} ${plugin.name}`, JSON.parse(lockValue(plugin))]);
  return `${JSON.stringify({ lockVersion: 1, plugins: Object.fromEntries(entries) }, null, 2)}\n`;
}

/** What changes in what a plugin may do. */
export interface PermissionChange {
  readonly kind: string;
  readonly pattern: string;
  readonly change: "added" | "removed" | "kept";
}

/** Each pattern of before and after, in the order of kinds and patterns. */
export function permissionChanges(before: PermissionPatterns, after: PermissionPatterns): readonly PermissionChange[] {
  const kinds = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return kinds.flatMap((kind) => {
    const [old, fresh] = [new Set(patternsOf(before, kind)), new Set(patternsOf(after, kind))];
    return [...new Set([...old, ...fresh])].sort().map(
      (pattern) =>
        ({
          kind,
          pattern,
          change: old.has(pattern) ? (fresh.has(pattern) ? "kept" : "removed") : "added",
        }) as const,
    );
  });
}

/** Whether `after` allows a pattern that `before` does not name: then somebody has to approve of it again. */
export function isWidened(before: PermissionPatterns, after: PermissionPatterns): boolean {
  return permissionChanges(before, after).some(({ change }) => change === "added");
}
