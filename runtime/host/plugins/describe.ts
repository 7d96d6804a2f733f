// A plugin in words, for `systole plugin list` and `describe`.

import { describePermissions } from "./grants.ts";
import type { FoundPlugin } from "./loader.ts";
import { KINDS, type Manifest } from "./manifest.ts";
import { describeParameters } from "./parameters.ts";
import type { PluginDescription } from "./types.ts";

/** What the plugin can do: its functions; a group stands for its own, but promotion, which is two verbs. */
function verbsOf({ kind, functions }: Manifest): string[] {
  const { required, optional, groups } = KINDS[kind];
  const grouped = Object.entries(groups).filter(([group]) => functions.some((name) => name.startsWith(`${group}.`)));
  return [
    ...required,
    ...optional.filter((name) => functions.includes(name)),
    ...grouped.flatMap(([group, names]) => (group === "promotion" ? names : [group])),
  ];
}

/** Describes a plugin that was found. */
export function describePlugin(found: FoundPlugin): PluginDescription {
  const { manifest, problem } = found;
  const common = {
    name: found.name,
    file: found.file,
    origin: found.origin,
    trust: found.trust,
    kind: found.kind ?? "unknown",
    reference: found.kind === undefined ? "" : KINDS[found.kind].reference(found.name),
    ...(problem === undefined ? {} : { problem: { code: problem.code, text: problem.message } }),
  } as const;
  if (manifest === undefined)
    return { ...common, summary: "", verbs: [], parameters: [], permissions: {}, timeouts: {} };
  return {
    ...common,
    summary: manifest.summary,
    api: manifest.api,
    verbs: verbsOf(manifest),
    parameters: describeParameters(manifest.parameters),
    permissions: describePermissions(manifest.permissions),
    timeouts: manifest.timeouts,
  };
}
