// What the plugin commands do: ask the node, and describe a plugin in words.

import type { ApiClient } from "../../api/client.ts";
import type { ApiResult } from "../../api/schema.ts";
import { didYouMean } from "../../model/nearest.ts";
import { refused } from "../failure.ts";
import { columns, line, type RenderOptions, span, wrap } from "../render/text.ts";

const TIMEOUT_MS = 30_000;

/** A plugin as the node describes it. */
export type Plugin = ApiResult<"plugin-list">["plugins"][number];

/** The plugin of that name. One that could not be loaded is known by its file only, and its kind is not known. */
export async function findPlugin(client: ApiClient, name: string, kind: string | undefined): Promise<Plugin> {
  const { plugins } = await client.call("plugin-list", {}, { timeoutMs: TIMEOUT_MS });
  const bare = name.replace(/^(ocf|stonith):systole:|^systole:/, "");
  const usable = plugins.filter(
    (plugin) =>
      plugin.kind !== "unknown" &&
      (plugin.name === name || plugin.reference === name) &&
      (kind === undefined || plugin.kind === kind),
  );
  const unknown = plugins.filter(
    (plugin) => plugin.kind === "unknown" && [name, bare].some((one) => isFileOf(plugin, one)),
  );
  const same = usable.length > 0 ? usable : unknown;
  const [first] = same;
  if (first === undefined) {
    const hint = didYouMean(name, [...new Set(plugins.map((plugin) => plugin.name))]);
    const of = kind === undefined ? "" : ` of kind "${kind}"`;
    const next = hint === "" ? ' "systole plugin list" names all.' : hint;
    throw refused("not-found", `There is no plugin "${name}"${of}.${next}`);
  }
  if (same.length > 1) {
    const kinds = same.map((plugin) => plugin.kind).join(" and ");
    throw refused("ambiguous", `There are several plugins "${name}": ${kinds}. Say which with --kind.`);
  }
  return first;
}

function isFileOf(plugin: Plugin, name: string): boolean {
  return plugin.name === name || plugin.file === name || plugin.file.endsWith(`/${name}`);
}

/** One line a plugin. */
export function listText(plugins: readonly Plugin[], options: RenderOptions): string[] {
  if (plugins.length === 0) return ["This node has no plugins."];
  const rows = plugins.map((plugin) => [
    span(plugin.name, plugin.problem === undefined ? "bold" : "bad"),
    span(plugin.kind, "dim"),
    plugin.problem === undefined
      ? span(plugin.trust === "not sandboxed" ? `${plugin.summary} (not sandboxed)` : plugin.summary)
      : span(`${doubt(plugin)}: ${plugin.problem.text}`, "bad"),
  ]);
  return columns(rows, "  ", options);
}

/** Something is wrong: nothing of it runs, or an older version than the cluster has agreed on. */
function doubt(plugin: Plugin): string {
  return isUsable(plugin) ? "an older version runs" : "cannot be used";
}

function isUsable(plugin: Plugin): boolean {
  return plugin.problem === undefined || plugin.verbs.length > 0;
}

/** The plugin in words. */
export function describeText(plugin: Plugin, options: RenderOptions): string[] {
  if (plugin.problem !== undefined && !isUsable(plugin)) return unusableText(plugin, plugin.problem.text, options);
  const permissions = Object.entries(plugin.permissions).map(([name, values]) => [name, values.join(", ")] as const);
  return [
    line([span(plugin.name, "bold"), span(`  ${plugin.kind}`, "dim")], options),
    ...wrap(plugin.summary, "", options),
    ...(plugin.problem === undefined ? [] : wrap(`An older version runs: ${plugin.problem.text}`, "", options, "bad")),
    "",
    ...columns(
      [
        [span("in the CIB"), span(plugin.reference)],
        [span("from"), span(`${plugin.file} (${plugin.origin})`)],
        [span("can"), span(plugin.verbs.join(", "))],
        [span("trust"), span(plugin.trust)],
      ],
      "  ",
      options,
    ),
    ...parameterLines(plugin.parameters, options),
    ...pairLines("Permissions", permissions, options),
    ...pairLines("Timeouts", Object.entries(plugin.timeouts), options),
  ];
}

/** What it takes and may do is not known: only what is wrong with it, and the remedy that the text ends with. */
function unusableText(plugin: Plugin, problem: string, options: RenderOptions): string[] {
  const reference = plugin.reference === "" ? [] : [[span("in the CIB"), span(plugin.reference)]];
  return [
    line([span(plugin.name, "bold"), span(`  ${plugin.kind}`, "dim")], options),
    ...wrap(`Cannot be used: ${problem}`, "", options, "bad"),
    "",
    ...columns([...reference, [span("from"), span(`${plugin.file} (${plugin.origin})`)]], "  ", options),
  ];
}

function parameterLines(parameters: Plugin["parameters"], options: RenderOptions): string[] {
  if (parameters.length === 0) return ["", "It takes no parameters."];
  const rows = parameters.map((parameter) => {
    const need = parameter.required
      ? "required"
      : parameter.default === undefined
        ? ""
        : `default ${parameter.default || '""'}`;
    return [span(`  ${parameter.name}`), span(parameter.type, "dim"), span(need), span(parameter.description)];
  });
  return ["", line([span("Parameters", "bold")], options), ...columns(rows, "  ", options)];
}

function pairLines(title: string, pairs: readonly (readonly [string, string])[], options: RenderOptions): string[] {
  const rows = pairs.map(([name, value]) => [span(`  ${name}`), span(value)]);
  return rows.length === 0 ? [] : ["", line([span(title, "bold")], options), ...columns(rows, "  ", options)];
}
