// A plugin at work for one resource or device: parameters read, grants made, log marked, secrets kept out of every text.

import type { Log, PluginKind } from "../../../sdk/mod.ts";
import { type PluginUse, withPlaceholders } from "./audit.ts";
import { type ContextParts, createContext, type HostContext } from "./context.ts";
import type { Daemons } from "./daemons.ts";
import { createGrants, exactLine, type GrantRequest } from "./grants.ts";
import type { Limits } from "./limits.ts";
import { KINDS, type Manifest } from "./manifest.ts";
import { readParameters, redact } from "./parameters.ts";
import type { PluginError } from "./plugin-error.ts";
import type { StateStore } from "./state.ts";
import type { PluginEvent, PluginLogLine } from "./types.ts";

/** What all instances of a node share. */
export interface InstanceSurroundings {
  readonly nodeName: string;
  readonly states: StateStore;
  readonly daemons: Daemons;
  readonly limits: Limits;
  readonly childEnvironment: Readonly<Record<string, string>>;
  readonly log: (line: PluginLogLine) => void;
  readonly onEvent: (event: PluginEvent) => void;
  readonly onAttribute: (name: string, value: string | null) => void;
  /** Hears of every use of a permission, where that is wanted. */
  readonly onUse?: (use: PluginUse) => void;
}

/** A plugin with the parameters of one resource. */
export interface Instance {
  readonly context: (signal: AbortSignal) => HostContext;
  /** Blots this instance's secrets out of a text. */
  readonly redact: (text: string) => string;
}

/** `agents/process` */
export function pluginPath(kind: PluginKind, name: string): string {
  return `${KINDS[kind].folder}/${name}`;
}

function markedLog(
  log: (line: PluginLogLine) => void,
  plugin: string,
  resource: string,
  clean: (text: string) => string,
): Log {
  const at = (level: PluginLogLine["level"]) => (text: string) =>
    log({ level, text: clean(String(text)), plugin, resource });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** The node attribute of a promotion score: clone instances share one, by the resource's plain name. */
export function promotionAttribute(resource: string): string {
  return `master-${resource.replace(/:\d+$/, "")}`;
}

/** Of what was asked for, so much is written to the audit. */
const LONGEST_LINE = 4_096;

/** Denials of one instance that are told in a time; what is more is counted, and told with the next one. */
const MAXIMUM_DENIALS = 10;
const DENIALS_WINDOW_MS = 10_000;

/** Tells of denials, but not of each when there are many: a plugin in a loop would drown everything else. */
function limitedDenials(tell: (text: string, code: PluginError["code"]) => void): (error: PluginError) => void {
  let startedMs = Number.NEGATIVE_INFINITY;
  let count = 0;
  return ({ message, code }) => {
    const nowMs = performance.now();
    const lost = Math.max(0, count - MAXIMUM_DENIALS);
    if (nowMs - startedMs >= DENIALS_WINDOW_MS) {
      startedMs = nowMs;
      count = 0;
      if (lost > 0) tell(`${lost} further denials before this one were not told, as there were too many.`, code);
    }
    count += 1;
    if (count <= MAXIMUM_DENIALS) tell(message, code);
  };
}

/**
 * Makes an instance. `resource`: its id; `who`: how messages call it; `more`: built-in placeholders besides node and resource.
 * Throws PluginError `plugin-parameters`.
 */
export function createInstance(
  plugin: Manifest,
  resource: string,
  given: Readonly<Record<string, unknown>>,
  around: InstanceSurroundings,
  more: Readonly<Record<string, unknown>> = {},
): Instance {
  const { name, permissions } = plugin;
  const path = pluginPath(plugin.kind, name);
  const { values, secrets } = readParameters(
    plugin.parameters,
    given,
    `${resource} (${KINDS[plugin.kind].reference(name)})`,
  );
  const clean = (text: string): string => redact(text, secrets);
  const onDenied = limitedDenials((text, code) =>
    around.onEvent({ kind: "denied", code, text: clean(text), severity: "error", resource }),
  );
  const placeholders = { ...values, ...more, node: around.nodeName, resource };
  const { onUse: tell } = around;
  const onUse = (request: GrantRequest, allowed: boolean): void => {
    if (tell === undefined) return;
    const line = exactLine(request).slice(0, LONGEST_LINE);
    tell({
      time: new Date().toISOString(),
      node: around.nodeName,
      plugin: path,
      resource,
      permission: request.kind,
      asked: clean(line),
      line: withPlaceholders(clean(line), { ...values, ...more }),
      allowed,
    });
  };
  const parts: Omit<ContextParts, "signal"> = {
    node: around.nodeName,
    resource,
    params: values,
    permissions,
    grants: createGrants(path, resource, permissions, placeholders, onDenied, onUse, plugin.asked),
    redact: clean,
    log: markedLog(around.log, path, resource, clean),
    state: around.states.of(resource),
    daemons: around.daemons,
    limits: around.limits.of(path, resource),
    childEnvironment: around.childEnvironment,
    onAttribute: around.onAttribute,
    onPromotionScore: (score) => around.onAttribute(promotionAttribute(resource), score === null ? null : `${score}`),
  };
  return { context: (signal) => createContext({ ...parts, signal }), redact: clean };
}
