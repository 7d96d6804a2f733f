// What plugins were seen to do: each use of a permission as one JSON line, allowed or not; and from such lines the smallest
// manifest that allows what was seen. Parameters are written by their names, so that the proposal holds for other
// instances too, and secrets are not written at all.

import { createWriteStream } from "node:fs";
import { PERMISSION_KINDS, type PermissionKind, type Permissions } from "../../../sdk/permissions.ts";
import { errorText } from "../errors.ts";

/** One use of a permission. */
export interface PluginUse {
  /** ISO 8601. */
  readonly time: string;
  readonly node: string;
  /** `agents/process` */
  readonly plugin: string;
  readonly resource: string;
  readonly permission: PermissionKind;
  /** What was asked for, without secrets. */
  readonly asked: string;
  /** The line of a manifest that allows exactly this, with parameters as placeholders. */
  readonly line: string;
  readonly allowed: boolean;
}

/** Where uses are written. */
export interface Audit {
  write(use: PluginUse): void;
  /** Resolves when everything is written. */
  close(): Promise<void>;
}

/** Lines that the disk has not taken yet; beyond it they are counted instead. */
const MAXIMUM_BACKLOG_BYTES = 4 * 1024 * 1024;
/** A value this short stands everywhere, and means nothing. */
const SHORTEST_VALUE = 2;

/** Opens the file, to which is appended. `warn` hears of what cannot be written. */
export function openAudit(file: string, warn: (text: string) => void): Audit {
  const stream = createWriteStream(file, { flags: "a", mode: 0o600 });
  let broken = false;
  let lost = 0;
  stream.on("error", (error) => {
    if (!broken) warn(`The audit of plugins cannot be written to ${file} (${errorText(error)}): check path and disk.`);
    broken = true;
  });
  return {
    write(use) {
      if (broken || stream.writableLength > MAXIMUM_BACKLOG_BYTES) {
        lost += 1;
        if (lost === 1 && !broken)
          warn(`The audit of plugins is slower than the plugins: lines of ${file} are left out.`);
        return;
      }
      stream.write(`${JSON.stringify(use)}\n`);
    },
    close: () =>
      new Promise((resolve) => {
        if (broken) resolve();
        else stream.end(() => resolve());
      }),
  };
}

/** Characters at which a value may begin and end to be meant. */
const EDGE = /[\s/:=,?&@[\]]/;

function isWhole(text: string, at: number, length: number): boolean {
  const before = at === 0 ? "" : text.charAt(at - 1);
  const after = text.charAt(at + length);
  return (before === "" || EDGE.test(before)) && (after === "" || EDGE.test(after));
}

/** Puts placeholders where the values of parameters stand, the longest values first. */
export function withPlaceholders(line: string, values: Readonly<Record<string, unknown>>): string {
  const known = Object.entries(values)
    .flatMap(([name, value]) =>
      (Array.isArray(value) ? value : [value]).map((one) => ({ name, text: String(one ?? "") })),
    )
    .filter(({ text }) => text.length >= SHORTEST_VALUE)
    .sort((a, b) => b.text.length - a.text.length || (a.name < b.name ? -1 : 1));
  let general = line.replaceAll("*", "?").replaceAll(/[{}]/g, "?");
  for (const { name, text } of known) {
    for (let at = general.indexOf(text); at >= 0; at = general.indexOf(text, at + 1)) {
      const inside = general.lastIndexOf("{", at) > general.lastIndexOf("}", at);
      if (!inside && isWhole(general, at, text.length))
        general = `${general.slice(0, at)}{${name}}${general.slice(at + text.length)}`;
    }
  }
  return general;
}

function isKind(value: unknown): value is PermissionKind {
  return PERMISSION_KINDS.some((kind) => kind === value);
}

/** What one line of an audit says; undefined if it is none. */
function readUse(line: string): Pick<PluginUse, "plugin" | "permission" | "line"> | undefined {
  let use: unknown;
  try {
    use = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof use !== "object" || use === null || !("plugin" in use) || !("permission" in use) || !("line" in use))
    return undefined;
  const { plugin, permission, line: manifestLine } = use;
  if (typeof plugin !== "string" || !isKind(permission) || typeof manifestLine !== "string") return undefined;
  return { plugin, permission, line: manifestLine };
}

/** What an audit amounts to. */
export interface Proposal {
  readonly plugin: string;
  readonly permissions: Permissions;
}

/**
 * The smallest permissions for what was asked for, by plugin; denied things too, since the audit was made to see what is needed.
 * `unreadable`: lines that are none of an audit.
 */
export function proposePermissions(text: string): {
  readonly proposals: readonly Proposal[];
  readonly unreadable: number;
} {
  const found = new Map<string, Map<PermissionKind, Set<string>>>();
  let unreadable = 0;
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const use = readUse(line);
    if (use === undefined) {
      unreadable += 1;
      continue;
    }
    const kinds = found.get(use.plugin) ?? new Map<PermissionKind, Set<string>>();
    found.set(use.plugin, kinds);
    kinds.set(use.permission, (kinds.get(use.permission) ?? new Set()).add(use.line));
  }
  const proposals = [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([plugin, kinds]) => ({
      plugin,
      permissions: Object.fromEntries(
        PERMISSION_KINDS.flatMap((kind) => {
          const lines = kinds.get(kind);
          return lines === undefined ? [] : [[kind, [...lines].sort()]];
        }),
      ),
    }));
  return { proposals, unreadable };
}
