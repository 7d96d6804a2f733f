// An entry of the lock in words, and beside what a bundle says of itself.

import {
  type LockedPlugin,
  type PermissionPatterns,
  type PluginVersion,
  patternsOf,
  permissionChanges,
} from "../../../model/plugin-lock.ts";
import { describePermissions } from "../grants.ts";
import { KINDS, type Manifest, PLUGIN_KINDS } from "../manifest.ts";
import { PluginError } from "../plugin-error.ts";

/** How messages call the plugin of an entry. */
export function shownName({ kind, name }: LockedPlugin): string {
  const known = PLUGIN_KINDS.find((one) => one === kind);
  return `Plugin ${known === undefined ? name : KINDS[known].reference(name)}`;
}

/** A version as people call it. */
export function named(version: PluginVersion | undefined): string {
  return version === undefined ? "none" : (version.version ?? version.source);
}

/** A manifest with what it asks for and was granted; what was granted beyond what it asks for is nothing. */
export function granted(manifest: Manifest, grants: PermissionPatterns): Manifest {
  const { promotionScore, ...asked } = manifest.permissions;
  const patterns = Object.entries(asked).map(([kind, wanted]) => {
    return [kind, wanted.filter((pattern) => patternsOf(grants, kind).includes(pattern))] as const;
  });
  const score = promotionScore === true && patternsOf(grants, "promotionScore").length > 0;
  const permissions = Object.fromEntries(patterns.filter(([, kept]) => kept.length > 0));
  const { permissions: wanted } = manifest;
  return { ...manifest, asked: wanted, permissions: { ...permissions, ...(score ? { promotionScore } : {}) } };
}

/** What a bundle says of itself must be what was agreed on. Throws PluginError `plugin-lock`. */
export function refuseOther(
  shown: string,
  { kind, name }: LockedPlugin,
  version: PluginVersion,
  manifest: Manifest,
): void {
  const differs =
    manifest.kind !== kind
      ? `it is a ${manifest.kind}`
      : manifest.name !== name
        ? `it calls itself ${manifest.name}`
        : manifest.api !== version.api
          ? `it speaks plugin API ${manifest.api}, and ${version.api} was agreed on`
          : permissionChanges(version.permissions, describePermissions(manifest.permissions)).some(
                ({ change }) => change !== "kept",
              )
            ? "it asks for other permissions than were agreed on"
            : undefined;
  if (differs !== undefined) throw new PluginError("plugin-lock", `${shown} is refused: ${differs}.`);
}
