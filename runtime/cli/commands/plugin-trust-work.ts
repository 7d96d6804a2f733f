// What the commands about trust in plugins do: bundle, have the node look at it, show what it may do, ask, and change the lock.

import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import type { ApiClient } from "../../api/client.ts";
import type { ApiResult } from "../../api/schema.ts";
import { EXIT, errorText, SystoleError } from "../../host/errors.ts";
import { fingerprintOf, signDigest } from "../../host/plugins/trust/signature.ts";
import { parseMilliseconds } from "../../model/duration.ts";
import {
  addPluginEdits,
  approvePluginEdits,
  findLocked,
  removePluginEdits,
  rollbackPluginEdits,
  updatePluginEdits,
  usersOf,
} from "../../model/edits/plugin.ts";
import { type PermissionPatterns, patternsOf } from "../../model/plugin-lock.ts";
import { CliFailure, refused } from "../failure.ts";
import { type CliIo, renderOptions } from "../io.ts";
import {
  authorOf,
  type Changed,
  type ChangeOptions,
  change,
  queryCib,
  type SessionOptions,
  tell,
  withClient,
} from "../session.ts";
import {
  approve,
  grantsAfter,
  type Offer,
  offer,
  prepare,
  readSignatures,
  refuseReleaseName,
  versionOf,
  withoutEmpty,
} from "./plugin-offer.ts";
import { addedText, approvalText, proofText, unprovenText, updatedText, verifiedText } from "./plugin-trust-text.ts";

/** Beyond the time for which a new version is watched. */
const PROVE_TIMEOUT_MS = 120_000;
const STATUS_TIMEOUT_MS = 10_000;

interface PackageFlags extends ChangeOptions {
  readonly yes?: true;
  readonly bundled?: true;
  readonly signature?: readonly string[];
}

export interface AddFlags extends PackageFlags {
  readonly pending?: true;
}

export interface UpdateFlags extends PackageFlags {
  readonly force?: true;
  readonly canary?: true;
  readonly for: string;
}

export interface ApproveFlags extends ChangeOptions {
  readonly kind?: string;
  readonly without?: readonly string[];
  readonly yes?: true;
}

export interface SignFlags {
  readonly key: string;
  readonly out?: string;
  readonly bundled?: true;
  readonly json?: true;
}

/** systole plugin add */
export async function addPlugin(io: CliIo, options: AddFlags, spec: string): Promise<void> {
  const signatures = readSignatures(options.signature);
  const prepared = await prepare(spec, options.bundled === true);
  const done = await withClient(io, options, async (client) => {
    const offered = await offer(client, prepared, signatures);
    await refuseReleaseName(client, offered);
    const version = versionOf(prepared, offered, signatures);
    const { kind, name } = offered.plugin;
    const { cib } = await queryCib(client);
    const known = findLocked(cib, name, kind);
    const shown = addedText(offered, prepared, renderOptions(io));
    const isNew = "refused" in known || known.current.sha512 !== offered.sha512;
    if (isNew) refuseIfRefused(addPluginEdits(cib, kind, name, version));
    if (isNew && !options.pending) await approve(io, options, shown, `May ${name} do this?`);
    const granted = options.pending ? version : { ...version, grants: version.permissions };
    const changed = await change(client, authorOf(io, options), (now) => addPluginEdits(now, kind, name, granted));
    return { changed, shown, offered };
  });
  say(io, options, done.changed, done.offered, options.yes || options.pending ? done.shown : []);
}

function refuseIfRefused(result: ReturnType<typeof addPluginEdits>): void {
  if ("refused" in result) throw refused(result.code ?? "not-found", result.refused);
}

function say(
  io: CliIo,
  options: SessionOptions,
  changed: Changed,
  { plugin, sha512 }: Offer,
  shown: readonly string[],
): void {
  const { kind, name } = plugin;
  const note = changed.changed ? [] : ["This node has the bytes now."];
  tell(io, options, { ...changed, kind, name, sha512 }, [changed.summary, ...note].join("\n"), shown);
}

/** systole plugin update */
export async function updatePlugin(io: CliIo, options: UpdateFlags, spec: string): Promise<void> {
  const shadowMs = options.canary ? watchTimeMs(options.for) : 0;
  const signatures = readSignatures(options.signature);
  const prepared = await prepare(spec, options.bundled === true);
  const done = await withClient(io, options, async (client) => {
    const offered = await offer(client, prepared, signatures);
    const { kind, name } = offered.plugin;
    const { cib } = await queryCib(client);
    const known = findLocked(cib, name, kind);
    if ("refused" in known) throw refused(known.code ?? "not-found", known.refused);
    const version = versionOf(prepared, offered, signatures);
    const shown = updatedText(known, offered, prepared, renderOptions(io));
    if (known.current.sha512 !== offered.sha512) {
      if (!options.yes && (!io.inIsTerminal || options.json)) await approve(io, options, shown, "");
      const proof = await prove(client, offered, signatures, shadowMs);
      const proven = [...shown, "", ...proofText(proof, shadowMs, renderOptions(io))];
      if (!options.force) refuseUnproven(proof, options.json ? [] : proven);
      shown.push(...proven.slice(shown.length));
      await approve(io, options, shown, `Shall ${name} be updated?`);
      // Who has joined while somebody watched or thought about it has proven nothing yet.
      if (!options.force && (await someCame(client, proof)))
        refuseUnproven(await prove(client, offered, signatures, 0), []);
    }
    const unproven = options.force ? ({ unproven: true } as const) : {};
    const granted = { ...version, ...unproven, grants: grantsAfter(known, version.permissions) };
    const changed = await change(client, authorOf(io, options), (now) => updatePluginEdits(now, kind, name, granted));
    return { changed, shown, offered };
  });
  say(io, options, done.changed, done.offered, options.yes ? done.shown : []);
}

function refuseUnproven(proof: ApiResult<"plugin-prove">, shown: readonly string[]): void {
  if (proof.good) return;
  throw new CliFailure("plugin-unproven", EXIT.failed, `Nothing was changed: ${unprovenText(proof)}`, shown);
}

/** Whether a node that was absent from a proof is a member now. */
async function someCame(client: ApiClient, { nodes }: ApiResult<"plugin-prove">): Promise<boolean> {
  const absent = nodes.filter(({ state }) => state === "absent").map(({ node }) => node);
  if (absent.length === 0) return false;
  const report = await client.call("status", {}, { timeoutMs: STATUS_TIMEOUT_MS });
  const members = report.standing?.view.members.map(({ id }) => id) ?? [];
  return report.nodes.some(({ id, name }) => members.includes(id) && absent.includes(name));
}

function watchTimeMs(text: string): number {
  const ms = parseMilliseconds(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new CliFailure("usage", EXIT.usage, `"${text}" is no length of time. Say --for 30s.`);
}

function prove(
  client: ApiClient,
  { plugin, sha512 }: Offer,
  signatures: readonly string[],
  shadowMs: number,
): Promise<ApiResult<"plugin-prove">> {
  const { kind, name } = plugin;
  const wish = { kind, name, sha512, signatures: [...signatures], shadowMs };
  return client.call("plugin-prove", wish, { timeoutMs: shadowMs + PROVE_TIMEOUT_MS });
}

/** systole plugin rollback */
export async function rollbackPlugin(
  io: CliIo,
  options: ChangeOptions & { readonly kind?: string },
  name: string,
): Promise<void> {
  const done = await withClient(io, options, (client) =>
    change(client, authorOf(io, options), (cib) => rollbackPluginEdits(cib, name, options.kind)),
  );
  tell(io, options, done, done.summary);
}

/** systole plugin remove */
export async function removePlugin(
  io: CliIo,
  options: ChangeOptions & { readonly kind?: string },
  name: string,
): Promise<void> {
  const done = await withClient(io, options, (client) =>
    change(client, authorOf(io, options), (cib) => {
      const known = findLocked(cib, name, options.kind);
      if ("refused" in known) return known;
      return removePluginEdits(cib, name, usersOf(cib, known.kind, name), known.kind);
    }),
  );
  tell(io, options, done, done.summary);
}

/** systole plugin approve */
export async function approvePlugin(io: CliIo, options: ApproveFlags, name: string): Promise<void> {
  const done = await withClient(io, options, async (client) => {
    const { cib } = await queryCib(client);
    const known = findLocked(cib, name, options.kind);
    if ("refused" in known) throw refused(known.code ?? "not-found", known.refused);
    const grants = grantsWithout(known.current.permissions, options.without ?? [], name);
    const shown = approvalText(known, grants, renderOptions(io));
    await approve(io, options, shown, `May ${name} do this?`);
    const changed = await change(client, authorOf(io, options), (now) =>
      approvePluginEdits(now, name, grants, known.kind),
    );
    return { changed, shown };
  });
  tell(io, options, done.changed, done.changed.summary, options.yes ? done.shown : []);
}

/** Permissions less what was named: a kind, or KIND:PATTERN. */
function grantsWithout(permissions: PermissionPatterns, without: readonly string[], name: string): PermissionPatterns {
  for (const one of without) {
    const [kind = "", ...rest] = one.split(":");
    const pattern = rest.join(":");
    const known = patternsOf(permissions, kind);
    if (rest.length === 0 ? known.length > 0 : known.includes(pattern)) continue;
    throw refused(
      "not-found",
      `${name} does not ask for ${one}, so there is nothing to withhold. It asks for ${Object.keys(permissions).join(", ") || "nothing"}.`,
    );
  }
  return withoutEmpty(
    Object.entries(permissions).map(([kind, patterns]) => [
      kind,
      without.includes(kind) ? [] : patterns.filter((pattern) => !without.includes(`${kind}:${pattern}`)),
    ]),
  );
}

/** systole plugin verify */
export async function verifyPlugins(io: CliIo, options: SessionOptions, name: string | undefined): Promise<void> {
  const { plugins } = await withClient(io, options, (client) =>
    client.call("plugin-verify", {}, { timeoutMs: PROVE_TIMEOUT_MS }),
  );
  const meant = plugins.filter((plugin) => name === undefined || plugin.name === name);
  if (name !== undefined && meant.length === 0) {
    throw refused(
      "not-found",
      `The cluster has agreed on no plugin "${name}". "systole plugin list" names those that there are.`,
    );
  }
  const good = meant.every((plugin) => plugin.good);
  if (options.json) io.out(`${JSON.stringify({ ok: good, plugins: meant })}\n`);
  else io.out(`${verifiedText(meant, renderOptions(io)).join("\n")}\n`);
  if (!good)
    throw new CliFailure(
      "plugin-verify",
      EXIT.failed,
      options.json ? "" : "Not everything is as the cluster agreed on it.",
    );
}

/** systole plugin bundle */
export async function writeBundle(
  io: CliIo,
  options: { readonly json?: true },
  spec: string,
  file: string,
): Promise<void> {
  const { bytes, sha512 } = await prepare(spec, false);
  try {
    writeFileSync(file, bytes);
  } catch (error) {
    throw new SystoleError("directory-unwritable", `The bundle cannot be written to ${file}: ${errorText(error)}.`);
  }
  tell(io, options, { file, sha512, bytes: bytes.length }, `${file} has the bundle, ${bytes.length} bytes, ${sha512}.`);
}

/** systole plugin sign */
export async function signPlugin(io: CliIo, options: SignFlags, spec: string): Promise<void> {
  const { sha512 } = await prepare(spec, options.bundled === true);
  const key = readPrivateKey(options.key);
  const signature = signDigest(sha512, key.privateKey);
  if (options.out === undefined && !options.json) {
    io.out(`${signature}\n`);
    return;
  }
  if (options.out !== undefined) writeFileSync(options.out, `${signature}\n`);
  const { fingerprint } = key;
  tell(
    io,
    options,
    { sha512, signature, key: fingerprint },
    `${options.out} has the signature of ${sha512} by ${fingerprint}.`,
  );
}

function readPrivateKey(file: string): { readonly privateKey: KeyObject; readonly fingerprint: string } {
  try {
    const privateKey = createPrivateKey(readFileSync(file));
    if (privateKey.asymmetricKeyType !== "ed25519")
      throw new Error(`it is of type ${privateKey.asymmetricKeyType ?? "unknown"}`);
    return { privateKey, fingerprint: fingerprintOf(createPublicKey(privateKey)) };
  } catch (error) {
    throw new SystoleError(
      "key-invalid",
      `${file} is no Ed25519 private key in PEM form (${errorText(error)}). Make one with "openssl genpkey -algorithm ed25519 -out ${file}".`,
    );
  }
}
