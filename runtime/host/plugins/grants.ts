// The one place where a plugin's wish meets what it may do. Every capability asks `check` before it acts; nothing else
// decides. A plugin in its sandbox asks for everything over its pipe, and the host's side of the pipe
// asks here.
//
// Patterns come from the manifest. A placeholder is filled with the instance's parameters as plain text: a `*` inside a
// parameter is just a star, never a wildcard, so no parameter can widen what the manifest says.

import { posix } from "node:path";
import type { PermissionKind, Permissions } from "../../../sdk/permissions.ts";
import { PERMISSION_KINDS } from "../../../sdk/permissions.ts";
import { PluginError } from "./plugin-error.ts";

/** What a capability is about to do. */
export type GrantRequest =
  | { readonly kind: "run" | "daemon"; readonly program: string; readonly args: readonly string[] }
  | { readonly kind: "env"; readonly variable: string }
  | { readonly kind: "net"; readonly url: string }
  | { readonly kind: "net"; readonly address: string; readonly port: number; readonly protocol: "tcp" | "udp" }
  | { readonly kind: "read" | "write"; readonly path: string }
  | { readonly kind: "attributes"; readonly name: string }
  | { readonly kind: "processes"; readonly marker: string };

/** What one instance of a plugin may do. */
export interface Grants {
  /**
   * Throws PluginError `permission-denied`, which names the manifest line that would allow it, or `permission-withheld`, when
   * the manifest has that line and the operator withheld it.
   */
  check(request: GrantRequest): void;
}

/** The same with the question whether there is anything at all. */
export interface InstanceGrants extends Grants {
  /** Throws `permission-withheld` when the manifest asks for this kind, but nothing of it was granted. */
  checkKind(kind: keyof Permissions): void;
}

/** Of each kind a manifest may have so many patterns, of so many characters: each may be held against a long text, often. */
const MAXIMUM_PATTERNS = 256;
const LONGEST_PATTERN = 1_024;
/** No argument of a program, path, or address is longer; what is, fits nothing. */
const LONGEST_SUBJECT = 131_072;

/** A pattern may stand for at most this many, through list parameters. */
const MAXIMUM_EXPANSIONS = 256;

/** A piece of a pattern that stands for any text; no parameter can contain it. */
const ANY = "\uE000";

const PLACEHOLDER = /\{([A-Za-z][\w-]*)\}/g;

/** Names of the placeholders in a pattern. */
export function placeholders(pattern: string): string[] {
  return [...pattern.matchAll(PLACEHOLDER)].map(([, name]) => name ?? "");
}

/** Values that a placeholder can take: one for a plain parameter, several for a list, none if it is not set. */
function valuesOf(value: unknown): string[] {
  if (value === undefined || value === null || value === "") return [];
  if (Array.isArray(value)) return value.flatMap(valuesOf);
  return [String(value).replaceAll(ANY, "")];
}

/** Fills the placeholders of a piece of a pattern; stars of the manifest become ANY. */
function expand(piece: string, values: Readonly<Record<string, unknown>>): string[] {
  let expanded = [""];
  let position = 0;
  for (const match of piece.matchAll(PLACEHOLDER)) {
    const before = piece.slice(position, match.index).replaceAll("*", ANY);
    const choices = valuesOf(values[match[1] ?? ""]);
    expanded = expanded
      .flatMap((start) => choices.map((choice) => start + before + choice))
      .slice(0, MAXIMUM_EXPANSIONS);
    position = match.index + match[0].length;
  }
  const rest = piece.slice(position).replaceAll("*", ANY);
  return expanded.map((start) => start + rest);
}

/**
 * Whether `subject` is what the expanded piece says; ANY stands for a text without any character of `without`. Piece by piece,
 * each at the first place where it stands: as a regular expression, a pattern with some stars would take a plugin's
 * long text for longer than a node has. The first place is always as good as a later one: what a star may not stand for
 * stands in a piece, or the piece and all before it may be stood for by the next star.
 */
function fits(expanded: string, subject: string, without: string): boolean {
  const [first = "", ...rest] = expanded.split(ANY);
  const last = rest.pop();
  if (last === undefined) return subject === first;
  if (subject.length > LONGEST_SUBJECT) return false;
  if (subject.length < first.length + last.length || !subject.startsWith(first) || !subject.endsWith(last))
    return false;
  const end = subject.length - last.length;
  const mayStand = (from: number, to: number): boolean =>
    without === "" || ![...without].some((one) => subject.slice(from, to).includes(one));
  let position = first.length;
  for (const piece of rest) {
    const found = subject.indexOf(piece, position);
    if (found < 0 || found + piece.length > end || !mayStand(position, found)) return false;
    position = found + piece.length;
  }
  return mayStand(position, end);
}

/** A word of a command. A star may become no option, and may not lead back out of a folder. */
function wordFits(expanded: string, word: string): boolean {
  if (!fits(expanded, word, "")) return false;
  if (!expanded.includes(ANY)) return true;
  return !(expanded.startsWith(ANY) && word.startsWith("-")) && !/(^|\/)\.\.(\/|$)/.test(word);
}

/** Program and arguments, word by word. */
function commandFits(
  pattern: string,
  program: string,
  args: readonly string[],
  values: Readonly<Record<string, unknown>>,
): boolean {
  const [first = "", ...rest] = pattern.trim().split(/\s+/);
  if (!expand(first, values).some((expanded) => fits(expanded, program, "/"))) return false;
  if (rest.length === 0) return true;
  const open = rest.at(-1) === "...";
  const words = open ? rest.slice(0, -1) : rest;
  if (open ? args.length < words.length : args.length !== words.length) return false;
  return words.every((word, index) => expand(word, values).some((expanded) => wordFits(expanded, args[index] ?? "")));
}

const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

function bare(host: string): string {
  return host.replace(/^\[|\]$/g, "").toLowerCase();
}

/** `scheme`, `host:port` and path of a URL-shaped pattern (which may contain ANY). */
function urlFits(expanded: string, url: URL): boolean {
  const match = /^(\w+:)\/\/(?:[^@/]*@)?([^/?#]*)([^?#]*)/.exec(expanded);
  if (match === null) return false;
  const [, scheme = "", authority = "", path = ""] = match;
  if (scheme.toLowerCase() !== url.protocol) return false;
  const port = /:(\d+|\uE000)$/.exec(authority);
  const host = port === null ? authority : authority.slice(0, port.index);
  if (!fits(bare(host), bare(url.hostname), "/:")) return false;
  const wanted = url.port === "" ? (DEFAULT_PORTS[url.protocol] ?? "") : url.port;
  if (!fits(port?.[1] ?? DEFAULT_PORTS[url.protocol] ?? "", wanted, "")) return false;
  const wantedPath = path === "" ? "/" : path;
  return fits(wantedPath, url.pathname, "?#") && fits(asMeant(wantedPath), asMeant(url.pathname), "?#");
}

/** Servers undo a path's percent signs once or twice, and some before they look for `..`. */
const MAXIMUM_UNDOING = 4;

/** Dots and slashes in more bytes than they need, which some take for what they mean. */
const OVERLONG: Readonly<Record<string, string>> = { "%c0%ae": ".", "%e0%80%ae": ".", "%c0%af": "/", "%e0%80%af": "/" };

/** The path that a lax server takes a path for: some leave out what stands behind a semicolon, before they look for `..`. */
function asMeant(path: string): string {
  let meant = path;
  for (let turn = 0; turn < MAXIMUM_UNDOING; turn += 1) {
    meant = meant.replace(/%(25|2e|2f|3b|5c)/gi, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
  }
  const plain = meant.replace(/%(c0|e0%80)%a[ef]/gi, (code) => OVERLONG[code.toLowerCase()] ?? code);
  return posix.normalize(plain.replaceAll("\\", "/").replace(/;[^/]*/g, ""));
}

function endpointFits(expanded: string, host: string, port: string, protocol: "tcp" | "udp"): boolean {
  const match = /^(.*):([^:/]+)\/(tcp|udp)$/.exec(expanded);
  if (match === null || match[3] !== protocol) return false;
  return fits(bare(match[1] ?? ""), bare(host), "") && fits(match[2] ?? "", port, "");
}

function netFits(
  pattern: string,
  request: GrantRequest & { kind: "net" },
  values: Readonly<Record<string, unknown>>,
): boolean {
  const expanded = expand(pattern, values);
  if (!("url" in request)) {
    return expanded.some((one) => endpointFits(one, request.address, `${request.port}`, request.protocol));
  }
  const url = new URL(request.url);
  const port = url.port === "" ? (DEFAULT_PORTS[url.protocol] ?? "") : url.port;
  return expanded.some((one) =>
    one.includes("://") ? urlFits(one, url) : endpointFits(one, url.hostname, port, "tcp"),
  );
}

function pathFits(pattern: string, path: string, values: Readonly<Record<string, unknown>>): boolean {
  const everything = pattern.endsWith("/**");
  return expand(everything ? pattern.slice(0, -3) : pattern, values).some((expanded) => {
    if (!everything) return fits(expanded, path, "/");
    const depth = expanded.split("/").length;
    const folders = path.split("/");
    return folders.length > depth && fits(expanded, folders.slice(0, depth).join("/"), "/");
  });
}

function allows(pattern: string, request: GrantRequest, values: Readonly<Record<string, unknown>>): boolean {
  switch (request.kind) {
    case "run":
    case "daemon":
      return commandFits(pattern, request.program, request.args, values);
    case "env":
      return expand(pattern, values).some((expanded) => fits(expanded, request.variable, ""));
    case "net":
      return netFits(pattern, request, values);
    case "read":
    case "write":
      return pathFits(pattern, request.path, values);
    case "attributes":
      return expand(pattern, values).some((expanded) => fits(expanded, request.name, ""));
    case "processes":
      return expand(pattern, values).some((expanded) => fits(expanded, request.marker, ""));
  }
}

/** A word of a command as a pattern: one with a blank in it can only be any word. */
function asWord(argument: string): string {
  return argument === "" || /\s/.test(argument) ? "*" : argument;
}

/** The line of a manifest that allows this and nothing else. */
export function exactLine(request: GrantRequest): string {
  return request.kind === "run" || request.kind === "daemon"
    ? [request.program, ...request.args.map(asWord)].join(" ")
    : inWords(request).line;
}

/** What is asked for, in words and as the line of a manifest. */
function inWords(request: GrantRequest): { readonly deed: string; readonly line: string } {
  switch (request.kind) {
    case "run":
      return { deed: `run ${[request.program, ...request.args].join(" ")}`, line: request.program };
    case "daemon":
      return { deed: `start the daemon ${request.program}`, line: request.program };
    case "env": {
      const [name = ""] = request.variable.split("=");
      return { deed: `set ${name} for a program, which decides what code runs`, line: request.variable };
    }
    case "net": {
      if ("url" in request) return { deed: `fetch ${request.url}`, line: request.url };
      const endpoint = `${request.address}:${request.port}/${request.protocol}`;
      return { deed: `use ${endpoint}`, line: endpoint };
    }
    case "read":
    case "write":
      return { deed: `${request.kind} ${request.path}`, line: request.path };
    case "attributes":
      return { deed: `set the node attribute ${request.name}`, line: request.name };
    case "processes":
      return { deed: `see and kill processes with ${request.marker}`, line: request.marker };
  }
}

/** `["a", "b"]` without the brackets, or what stands for none. */
function listed(patterns: readonly string[]): string {
  return patterns.length === 0 ? "nothing" : patterns.map((one) => JSON.stringify(one)).join(", ");
}

/**
 * Grants of one instance. `plugin` and `resource` begin the sentence of a denial; `values` are the parameters and the
 * built-in placeholders; `asked` is what the manifest asks for, of which `permissions` may be a part; `onDenied` hears of every denial, `onUse` of every question and its answer.
 */
export function createGrants(
  plugin: string,
  resource: string,
  permissions: Permissions,
  values: Readonly<Record<string, unknown>>,
  onDenied: (error: PluginError) => void,
  onUse: (request: GrantRequest, allowed: boolean) => void = () => undefined,
  asked: Permissions = permissions,
): InstanceGrants {
  const refuse = (code: "permission-denied" | "permission-withheld", text: string): never => {
    const error = new PluginError(code, `${plugin} (for ${resource}) may not ${text}`);
    onDenied(error);
    throw error;
  };
  const withheld = "and whoever approved of the plugin withheld it.";
  return {
    checkKind(kind) {
      if (permissions[kind] !== undefined || asked[kind] === undefined) return;
      refuse("permission-withheld", `use ${kind}: its manifest asks for permissions.${kind}, ${withheld}`);
    },
    check(request) {
      const patterns = permissions[request.kind] ?? [];
      const allowed = patterns.some((pattern) => allows(pattern, request, values));
      onUse(request, allowed);
      if (allowed) return;
      const { deed, line } = inWords(request);
      const wish = asked[request.kind]?.find((pattern) => allows(pattern, request, values));
      if (wish !== undefined)
        refuse(
          "permission-withheld",
          `${deed}: its manifest asks for permissions.${request.kind} ${JSON.stringify(wish)}, ${withheld}`,
        );
      refuse(
        "permission-denied",
        `${deed}: its permissions.${request.kind} has ${listed(patterns)}. Allowed by: permissions: { ${request.kind}: [${JSON.stringify(line)}] }.`,
      );
    },
  };
}

/** What is wrong with the permissions of a manifest, or undefined. `known`: names that a placeholder may have. */
export function permissionProblem(permissions: unknown, known: ReadonlySet<string>): string | undefined {
  if (typeof permissions !== "object" || permissions === null || Array.isArray(permissions))
    return "permissions must be an object";
  const kinds: readonly string[] = PERMISSION_KINDS;
  for (const [kind, patterns] of Object.entries(permissions)) {
    if (kind === "promotionScore") {
      if (patterns !== true) return "permissions.promotionScore must be true";
      continue;
    }
    if (!kinds.includes(kind))
      return `permissions.${kind} is unknown; there are ${[...kinds, "promotionScore"].join(", ")}`;
    if (!Array.isArray(patterns) || patterns.length > MAXIMUM_PATTERNS)
      return `permissions.${kind} must be a list of up to ${MAXIMUM_PATTERNS} patterns`;
    for (const pattern of patterns) {
      const problem = patternProblem(kind, pattern, known);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

function patternProblem(kind: string, pattern: unknown, known: ReadonlySet<string>): string | undefined {
  if (typeof pattern !== "string" || pattern.trim() === "")
    return `permissions.${kind} has an entry that is no pattern`;
  if (pattern.length > LONGEST_PATTERN)
    return `permissions.${kind} has a pattern of more than ${LONGEST_PATTERN} characters`;
  const stranger = placeholders(pattern).find((name) => !known.has(name));
  if (stranger !== undefined) return `permissions.${kind} has {${stranger}}, which is no parameter`;
  return undefined;
}

/** The patterns of a manifest by kind, for people. */
export function describePermissions(permissions: Permissions): Readonly<Record<string, readonly string[]>> {
  const described: Record<string, readonly string[]> = {};
  for (const kind of PERMISSION_KINDS satisfies readonly PermissionKind[]) {
    const patterns = permissions[kind];
    if (patterns !== undefined) described[kind] = patterns;
  }
  if (permissions.promotionScore === true) described["promotionScore"] = ["true"];
  return described;
}
