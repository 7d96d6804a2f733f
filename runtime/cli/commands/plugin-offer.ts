// From a package to what the node says of its bytes, and from there to the operator's approval: what the commands that change the
// cluster's plugins have in common.

import { readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import type { ApiClient } from "../../api/client.ts";
import type { ApiResult } from "../../api/schema.ts";
import { EXIT, errorText } from "../../host/errors.ts";
import { type Bundle, bundlePackage, digestOf } from "../../host/plugins/package/bundler.ts";
import { refuseOpenBundle } from "../../host/plugins/package/closed.ts";
import { openPackage } from "../../host/plugins/package/source.ts";
import { PluginError } from "../../host/plugins/plugin-error.ts";
import {
  isLockable,
  type LockedPlugin,
  type PermissionPatterns,
  type PluginVersion,
  patternsOf,
} from "../../model/plugin-lock.ts";
import { CliFailure, refused } from "../failure.ts";
import type { CliIo } from "../io.ts";

/** Evaluating a plugin may take seconds on a busy machine. */
export const OFFER_TIMEOUT_MS = 30_000;

/** A bundle as the node sees it. */
export type Offer = ApiResult<"plugin-offer">;

export interface Prepared extends Bundle {
  readonly source: string;
  readonly version?: string;
}

/** The bundle of a package. What is wrong with it is an expected failure. */
export async function prepare(spec: string, bundled: boolean): Promise<Prepared> {
  try {
    if (bundled) {
      const bytes = readBytes(spec);
      refuseOpenBundle(bytes, `Plugin ${spec}`);
      return { bytes, sha512: digestOf(bytes), source: basename(spec) };
    }
    const source = await openPackage(spec, process.cwd());
    try {
      const bundle = await bundlePackage(source);
      return {
        ...bundle,
        source: basename(resolve(spec)),
        ...(source.version === undefined ? {} : { version: source.version }),
      };
    } finally {
      source.dispose();
    }
  } catch (error) {
    if (error instanceof PluginError) throw new CliFailure(error.code, EXIT.data, error.message);
    throw error;
  }
}

function readBytes(file: string): Uint8Array {
  try {
    return Uint8Array.from(readFileSync(file));
  } catch (error) {
    throw new PluginError("plugin-unreadable", `The bundle ${file} cannot be read: ${errorText(error)}.`);
  }
}

export function readSignatures(files: readonly string[] = []): string[] {
  return files.map((file) => {
    let text: string;
    try {
      text = readFileSync(file, "utf8").trim();
    } catch (error) {
      throw refused(
        "plugin-signature",
        `The signature ${file} cannot be read: ${errorText(error)}. Name the file that you mean.`,
      );
    }
    if (/^[A-Za-z0-9+/]{86}==$/.test(text)) return text;
    throw refused(
      "plugin-signature",
      `${file} is no signature as "systole plugin sign" writes it: 64 bytes in base64.`,
    );
  });
}

export async function offer(client: ApiClient, prepared: Prepared, signatures: readonly string[]): Promise<Offer> {
  const bytes = Buffer.from(prepared.bytes).toString("base64");
  const offered = await client.call("plugin-offer", { bytes, signatures }, { timeoutMs: OFFER_TIMEOUT_MS });
  const { kind, name } = offered.plugin;
  if (!isLockable(kind)) {
    throw refused(
      "plugin-kind",
      `${name} is a ${kind}, and those run inside the pulse of a node, not in a sandbox. Name it under "plugins" in the configuration of each node if you trust it.`,
    );
  }
  if (offered.signature.policy === "require" && offered.signature.problem !== undefined) {
    throw refused("plugin-signature", `Refused, nothing was changed: ${offered.signature.problem}`);
  }
  return offered;
}

export async function refuseReleaseName(client: ApiClient, { plugin }: Offer): Promise<void> {
  const { plugins } = await client.call("plugin-list", {}, { timeoutMs: OFFER_TIMEOUT_MS });
  const taken = plugins.some((one) => one.origin === "bundled" && one.kind === plugin.kind && one.name === plugin.name);
  if (!taken) return;
  throw refused(
    "plugin-duplicate",
    `The release itself has a ${plugin.kind} ${plugin.name}, so nothing was changed. Give this one another name.`,
  );
}

/** Asks the operator. Without somebody to ask, only --yes approves. */
export async function approve(
  io: CliIo,
  options: { readonly yes?: true; readonly json?: true },
  shown: readonly string[],
  question: string,
): Promise<void> {
  if (options.yes) return;
  if (!io.inIsTerminal || options.json) {
    throw new CliFailure(
      "plugin-approval",
      EXIT.failed,
      "Nothing was changed: somebody has to approve of what the plugin may do, and there is no terminal to ask at. Look at it, then say --yes.",
      options.json ? [] : shown,
    );
  }
  io.err(`${shown.join("\n")}\n`);
  const answer = await io.ask(`${question} (yes or no) `);
  if (answer !== "yes" && answer !== "y") {
    throw refused("plugin-approval", "Nothing was changed: it was not approved.");
  }
}

export function versionOf(
  prepared: Prepared,
  { plugin, sha512 }: Offer,
  signatures: readonly string[],
): Omit<PluginVersion, "grants"> {
  const { source, version } = prepared;
  return {
    sha512,
    api: plugin.api ?? 0,
    source,
    permissions: plugin.permissions,
    ...(version === undefined ? {} : { version }),
    ...(signatures.length === 0 ? {} : { signatures }),
  };
}

/** What is asked for now, without what was withheld before. */
export function grantsAfter({ current }: LockedPlugin, asked: PermissionPatterns): PermissionPatterns {
  const withheld = (kind: string, pattern: string): boolean =>
    current.grants !== undefined &&
    patternsOf(current.permissions, kind).includes(pattern) &&
    !patternsOf(current.grants, kind).includes(pattern);
  return withoutEmpty(
    Object.entries(asked).map(([kind, patterns]) => [kind, patterns.filter((pattern) => !withheld(kind, pattern))]),
  );
}

export function withoutEmpty(entries: readonly (readonly [string, readonly string[]])[]): PermissionPatterns {
  return Object.fromEntries(entries.filter(([, patterns]) => patterns.length > 0));
}
