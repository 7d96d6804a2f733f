// Performs AgentCalls: finds the agent, reads the parameters, calls the verb, and says what came of it in the executor's terms.

import { type AgentErrorCode, isAgentError, type Notification, OCF_EXIT_CODES } from "../../../sdk/mod.ts";
import type { AgentCall, AgentOutcome } from "../../services/calls.ts";
import { errorText } from "../errors.ts";
import type { CallPlan } from "./calls.ts";
import type { HostContext } from "./context.ts";
import { createInstance, type Instance, type InstanceSurroundings, promotionAttribute } from "./instance.ts";
import type { Manifest } from "./manifest.ts";
import { oneLine, PluginError } from "./plugin-error.ts";
import type { Residents, RunningPlugin } from "./sandbox/residents.ts";
import { GuestFailure, GuestGone } from "./sandbox/session.ts";
import type { InstanceState } from "./state.ts";

/** In an instance's state: it was told to start here and has not been stopped since. */
const STARTED_KEY = "host:started";

/** `ocf:systole:process` */
function reference({ resource }: AgentCall): string {
  return [resource.class, resource.provider, resource.type].filter((part) => part !== undefined).join(":");
}

function isAgentErrorCode(code: string): code is AgentErrorCode {
  return Object.hasOwn(OCF_EXIT_CODES, code);
}

function isDenial({ code }: PluginError): boolean {
  return code === "permission-denied" || code === "permission-withheld";
}

/** What went wrong, as the executor wants it. A plugin that is gone leaves nobody who knows how far it came. */
function failure(error: unknown): AgentOutcome {
  if (error instanceof GuestGone) return { outcome: "unknown", reason: oneLine(error.message) };
  if (error instanceof GuestFailure) {
    const code = isAgentErrorCode(error.code) ? error.code : "generic";
    return { outcome: "error", code, reason: oneLine(error.message) };
  }
  if (error instanceof PluginError) {
    const denied = isDenial(error);
    if (error.code === "plugin-excess") return { outcome: "error", code: "generic", reason: error.message };
    const code = error.code === "plugin-parameters" ? "not-configured" : denied ? "privileges" : "not-installed";
    return { outcome: "error", code, reason: error.message };
  }
  if (isAgentError(error)) return { outcome: "error", code: error.code, reason: oneLine(error.message) };
  return { outcome: "error", code: "generic", reason: oneLine(errorText(error)) };
}

/** What a monitor said; what it may not say is no observation. */
function stateOutcome(manifest: Manifest, state: unknown): AgentOutcome {
  if (state === "running" || state === "stopped") return { outcome: "state", state };
  if (state === "promoted" && manifest.functions.includes("promotion.promote")) return { outcome: "state", state };
  if (typeof state === "object" && state !== null && "failed" in state && typeof state.failed === "string") {
    return { outcome: "state", state: "failed", reason: oneLine(state.failed) };
  }
  const said = oneLine(JSON.stringify(state) ?? String(state), 80);
  return {
    outcome: "unknown",
    reason: `The monitor of agent ${manifest.name} answered ${said}, which is no state; this is a bug of the agent.`,
  };
}

function notification(call: AgentCall): Notification | undefined {
  const type = call.meta["notify_type"];
  const operation = call.meta["notify_operation"];
  if (type !== "pre" && type !== "post") return undefined;
  if (operation !== "start" && operation !== "stop" && operation !== "promote" && operation !== "demote")
    return undefined;
  return { type, operation, meta: call.meta };
}

/** The function behind a verb, and what it is told besides its context. */
function functionOf(call: AgentCall): {
  readonly path: string;
  readonly args: readonly unknown[];
  readonly what: string;
} {
  switch (call.verb) {
    case "promote":
    case "demote":
      return { path: `promotion.${call.verb}`, args: [], what: "promoted role" };
    case "migrateTo":
      return { path: "migration.to", args: [call.meta["migrate_target"] ?? ""], what: "migration" };
    case "migrateFrom":
      return { path: "migration.from", args: [call.meta["migrate_source"] ?? ""], what: "migration" };
    case "notify":
      return { path: "notify", args: [notification(call)], what: "notifications" };
    default:
      return { path: call.verb, args: [], what: call.verb };
  }
}

/** Calls the verb. What is not in the agent is unimplemented, but for notifications, which nobody has to hear. */
async function performVerb(plugin: RunningPlugin, call: AgentCall, ctx: HostContext): Promise<AgentOutcome> {
  const { manifest, resident } = plugin;
  const { path, args, what } = functionOf(call);
  const there = manifest.functions.includes(path);
  if (call.verb === "notify" && (!there || args[0] === undefined)) return { outcome: "done" };
  if (!there) return { outcome: "error", code: "unimplemented", reason: `Agent ${manifest.name} has no ${what}.` };
  const said = await resident.call(path, args, 0, ctx);
  return call.verb === "monitor" ? stateOutcome(manifest, said) : { outcome: "done" };
}

/** An instance and what it was made of. */
interface ValidInstance {
  readonly instance: Instance;
  readonly manifest: Manifest;
  readonly parameters: AgentCall["parameters"];
}

function sameParameters(a: AgentCall["parameters"], b: AgentCall["parameters"]): boolean {
  const names = Object.keys(a);
  return a === b || (names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]));
}

/** Makes the plans of agent calls. */
export class AgentCalls {
  private readonly plugins: Pick<Residents, "load">;
  private readonly around: InstanceSurroundings;
  /** The last valid instance of each resource: parameters that have become wrong since must not keep it from being stopped and looked at. */
  private readonly lastValid = new Map<string, ValidInstance>();

  constructor(plugins: Pick<Residents, "load">, around: InstanceSurroundings) {
    this.plugins = plugins;
    this.around = around;
  }

  plan(call: AgentCall): CallPlan<AgentOutcome> {
    return {
      kind: "agent",
      id: call.id,
      subject: call.resource.id,
      plugin: reference(call),
      verb: call.verb,
      timeoutMs: call.timeoutMs,
      perform: (signal) => this.perform(call, signal),
      failed: failure,
      late: (reason) => ({ outcome: "timeout", reason }),
      givenUp: (reason) => ({ outcome: "unknown", reason }),
    };
  }

  private async perform(call: AgentCall, signal: AbortSignal): Promise<AgentOutcome> {
    const { resource } = call;
    if (resource.class !== "ocf" || resource.provider !== "systole") {
      return {
        outcome: "error",
        code: "not-installed",
        reason: `${resource.id}: this release runs agents of class ocf and provider systole only, not ${reference(call)}. \`systole plugin list\` shows what there is.`,
      };
    }
    const state = this.around.states.of(resource.id);
    const stopping = call.verb === "stop";
    let instance: Instance | undefined;
    try {
      const plugin = await this.plugins.load("resource-agent", resource.type);
      const { manifest } = plugin;
      instance = this.instance(call, manifest);
      if (call.verb === "start") state.set(STARTED_KEY, new Date().toISOString());
      const outcome = await performVerb(plugin, call, instance.context(signal));
      if (stopping && outcome.outcome === "done") this.stopped(resource.id, state, manifest);
      return "reason" in outcome && outcome.reason !== undefined
        ? { ...outcome, reason: instance.redact(outcome.reason) }
        : outcome;
    } catch (error) {
      if (stopping && error instanceof PluginError && !isDenial(error) && state.get(STARTED_KEY) === undefined) {
        const reason = `It was never started here, so nothing had to be stopped. ${error.message}`;
        return { outcome: "state", state: "stopped", reason };
      }
      const outcome = failure(error);
      return "reason" in outcome && instance !== undefined
        ? { ...outcome, reason: instance.redact(outcome.reason ?? "") }
        : outcome;
    }
  }

  /**
   * Valid parameters make a new instance; with wrong ones a stop uses those with which the resource was last called, and so does
   * what reads back whether it has stopped. A recurring monitor fails: it is the one to tell that the parameters are wrong.
   */
  private instance(call: AgentCall, manifest: Manifest): Instance {
    const { resource, parameters } = call;
    const last = this.lastValid.get(resource.id);
    if (last?.manifest === manifest && sameParameters(last.parameters, parameters)) return last.instance;
    try {
      const instance = createInstance(manifest, resource.id, parameters, this.around);
      this.lastValid.set(resource.id, { instance, manifest, parameters });
      return instance;
    } catch (error) {
      const ending = call.verb === "stop" || (call.verb === "monitor" && call.intervalMs === 0);
      if (!ending || last === undefined) throw error;
      return last.instance;
    }
  }

  private stopped(resource: string, state: InstanceState, manifest: Manifest): void {
    state.remove(STARTED_KEY);
    if (manifest.permissions.promotionScore === true) this.around.onAttribute(promotionAttribute(resource), null);
  }
}
