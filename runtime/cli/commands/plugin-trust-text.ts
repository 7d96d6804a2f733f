// What people see before they approve of a plugin: what it is, where it comes from, what it may do, and what would change.

import type { ApiResult } from "../../api/schema.ts";
import { isWidened, type LockedPlugin, type PermissionPatterns, permissionChanges } from "../../model/plugin-lock.ts";
import { columns, line, type RenderOptions, type Span, span, wrap } from "../render/text.ts";
import type { Offer } from "./plugin-offer.ts";

/** What each kind of permission means to somebody who did not write the plugin. */
const MEANINGS: Readonly<Record<string, string>> = {
  run: "run programs",
  daemon: "start services",
  net: "talk over the network to",
  read: "read files",
  write: "write and remove files",
  attributes: "set node attributes",
  processes: "see and kill processes with",
  promotionScore: "say how well this node is suited for promotion",
};

/** Enough of a digest to tell it from others at a glance; --json has it whole. */
const DIGEST_CHARACTERS = "sha512-".length + 16;

function short(sha512: string): string {
  return `${sha512.slice(0, DIGEST_CHARACTERS)}...`;
}

/** The package that a plugin came from. */
interface Origin {
  readonly source: string;
  readonly version?: string;
  readonly bytes: Uint8Array;
}

function heading({ plugin }: Offer, { version }: Origin, options: RenderOptions): string[] {
  const named = version === undefined ? "" : ` ${version}`;
  return [
    line([span(`${plugin.name}${named}`, "bold"), span(`  ${plugin.kind}`, "dim")], options),
    ...wrap(plugin.summary, "", options),
    "",
  ];
}

function facts(
  offer: Offer,
  { source, bytes }: Origin,
  before: LockedPlugin | undefined,
  options: RenderOptions,
): string[] {
  const { plugin, signature, sha512 } = offer;
  const rows = [
    [span("in the CIB"), span(plugin.reference)],
    [span("from"), span(source)],
    [span("bytes"), span(`${bytes.length}, ${short(sha512)}`)],
    ...(before === undefined
      ? []
      : [
          [
            span("until now"),
            span(`${before.current.version ?? before.current.source}, ${short(before.current.sha512)}`),
          ],
        ]),
    [span("signature"), span(signature.text, signature.problem === undefined ? "plain" : "warn")],
    [span("plugin API"), span(`${plugin.api ?? "?"}`)],
  ];
  return columns(rows, "  ", options);
}

function permissionRow(kind: string, pattern: string, mark: Span): Span[] {
  const meaning = (Object.hasOwn(MEANINGS, kind) ? MEANINGS[kind] : undefined) ?? "";
  return [mark, span(kind), span(kind === "promotionScore" ? "" : pattern), span(meaning, "dim")];
}

function permissionLines(permissions: PermissionPatterns, options: RenderOptions): string[] {
  const rows = permissionChanges({}, permissions).map(({ kind, pattern }) => permissionRow(kind, pattern, span(" ")));
  return rows.length === 0 ? ["It asks for nothing: it can only compute."] : columns(rows, "  ", options);
}

/** A plugin that is new to the cluster. */
export function addedText(offer: Offer, origin: Origin, options: RenderOptions): string[] {
  return [
    ...heading(offer, origin, options),
    ...facts(offer, origin, undefined, options),
    "",
    ...(Object.keys(offer.plugin.permissions).length === 0 ? [] : ["It asks to be allowed:"]),
    ...permissionLines(offer.plugin.permissions, options),
    ...(Object.keys(offer.plugin.permissions).length === 0
      ? []
      : ["and nothing else. {name} stands for a parameter of the resource."]),
  ];
}

/** Other bytes of a plugin: what it asked for before, and what is new. */
export function updatedText(before: LockedPlugin, offer: Offer, origin: Origin, options: RenderOptions): string[] {
  const changes = permissionChanges(before.current.permissions, offer.plugin.permissions);
  const marks = { added: span("+", "warn"), removed: span("-", "good"), kept: span(" ") };
  const rows = changes.map(({ kind, pattern, change }) => [
    ...permissionRow(kind, pattern, marks[change]),
    change === "added"
      ? span("WIDER: it could not do this before", "warn")
      : span(change === "removed" ? "no longer" : "", "dim"),
  ]);
  const widened = isWidened(before.current.permissions, offer.plugin.permissions);
  const same = changes.every(({ change }) => change === "kept");
  return [
    ...heading(offer, origin, options),
    ...facts(offer, origin, before, options),
    "",
    same
      ? "It asks for what it asked for before:"
      : widened
        ? "It asks for MORE than before:"
        : "It asks for less than before:",
    ...(rows.length === 0 ? ["nothing: it can only compute."] : columns(rows, "  ", options)),
  ];
}

/** What an approval would grant. */
export function approvalText(
  { kind, name, current }: LockedPlugin,
  grants: PermissionPatterns,
  options: RenderOptions,
): string[] {
  const withheld = permissionChanges(current.permissions, grants).filter(({ change }) => change === "removed");
  const rows = withheld.map(({ kind: what, pattern }) => permissionRow(what, pattern, span("-", "good")));
  return [
    line(
      [span(`${name}${current.version === undefined ? "" : ` ${current.version}`}`, "bold"), span(`  ${kind}`, "dim")],
      options,
    ),
    ...columns(
      [
        [span("bytes"), span(short(current.sha512))],
        [span("from"), span(current.source)],
      ],
      "  ",
      options,
    ),
    "",
    "It would be allowed:",
    ...permissionLines(grants, options),
    ...(rows.length === 0 ? [] : ["and is refused what it asks for besides:", ...columns(rows, "  ", options)]),
  ];
}

/** What a new version saw beside the present one. */
export function proofText(proof: ApiResult<"plugin-prove">, shadowMs: number, options: RenderOptions): string[] {
  const how =
    shadowMs === 0 ? "Started beside the present one" : `Watched beside the present one for ${shadowMs / 1000} s`;
  const rows = proof.comparisons.map(({ subject, verb, present, candidate, agree, reason }) => [
    span(agree ? " " : "!", agree ? "plain" : "bad"),
    span(`${verb} of ${subject}`),
    span(
      agree
        ? `both say ${present}`
        : `${present} before, ${candidate} with the new one${reason === undefined ? "" : `: ${reason}`}`,
      agree ? "plain" : "bad",
    ),
  ]);
  const here = wrap(`${how}: ${proof.text}`, "", options, proof.good ? "plain" : "bad");
  const elsewhere = proof.nodes.flatMap(({ node, state, text }) =>
    wrap(`On ${node}: ${text}`, "", options, state === "proven" || state === "absent" ? "plain" : "bad"),
  );
  return [...here, ...columns(rows, "  ", options), ...elsewhere];
}

/** Why a new version is not proven: the first node that is against it, or the one that was asked. */
export function unprovenText({ text, nodes }: ApiResult<"plugin-prove">): string {
  const against = nodes.filter(({ state }) => state === "refused" || state === "silent");
  return against.length === 0 ? text : against.map((one) => `On ${one.node}: ${one.text}`).join(" ");
}

/** What was looked at, and what is wrong. */
export function verifiedText(plugins: ApiResult<"plugin-verify">["plugins"], options: RenderOptions): string[] {
  if (plugins.length === 0) return ["The cluster has agreed on no plugins."];
  return plugins.flatMap(({ kind, name, sha512, findings }, index) => [
    ...(index === 0 ? [] : [""]),
    line([span(name, "bold"), span(`  ${kind}  ${short(sha512)}`, "dim")], options),
    ...findings.flatMap(({ what, good, text }) => {
      const head = `  ${good ? "ok " : "BAD"} ${what.padEnd(10)}`;
      const [first = "", ...more] = wrap(text, " ".repeat(head.length), options, good ? "plain" : "bad");
      return [head + first.slice(head.length), ...more];
    }),
  ]);
}
