// A plugin in words, for `systole plugin list` and `describe`.

import { describePermissions } from "./grants.ts";
import type { FoundPlugin } from "./loader.ts";
import type { CheckedPlugin } from "./manifest.ts";
import { KINDS } from "./manifest.ts";
import { describeParameters } from "./parameters.ts";
import type { PluginDescription } from "./types.ts";

/** What the plugin can do: its functions, those of its groups among them. */
function verbsOf(plugin: CheckedPlugin): string[] {
  const { required, optional, groups } = KINDS[plugin.kind];
  const has = (name: string): boolean =>
    Object.entries(plugin.spec).some(([key, value]) => key === name && value !== undefined);
  const grouped = Object.entries(groups).filter(([group]) => has(group));
  return [
    ...required,
    ...optional.filter(has),
    ...grouped.flatMap(([group, names]) => (group === "promotion" ? names : [group])),
  ];
}

/** Describes a plugin that was found. */
export function describePlugin(found: FoundPlugin): PluginDescription {
  const { plugin, problem } = found;
  const common = {
    name: found.name,
    file: found.file,
    origin: found.origin,
    trust: "in-process, trusted",
    kind: found.kind ?? "unknown",
    reference: found.kind === undefined ? "" : KINDS[found.kind].reference(found.name),
    ...(problem === undefined ? {} : { problem: { code: problem.code, text: problem.message } }),
  } as const;
  if (plugin === undefined) return { ...common, summary: "", verbs: [], parameters: [], permissions: {}, timeouts: {} };
  const timeouts = "timeouts" in plugin.spec ? (plugin.spec.timeouts ?? {}) : {};
  return {
    ...common,
    summary: plugin.spec.summary,
    api: plugin.api,
    verbs: verbsOf(plugin),
    parameters: describeParameters(plugin.spec.parameters),
    permissions: describePermissions(plugin.spec.permissions ?? {}),
    timeouts,
  };
}
