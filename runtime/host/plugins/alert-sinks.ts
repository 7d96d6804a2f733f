// Performs AlertCalls: hands an alert to a plugin in its process or to a program, or only looks whether that could be done here.
// Queues, pauses and what is given up are the service's business (runtime/services/alerts/).

import { isAgentError } from "../../../sdk/mod.ts";
import type { AlertCall, AlertOutcome } from "../../services/calls.ts";
import { errorText } from "../errors.ts";
import { type AlertPrograms, runAlertProgram } from "./alert-programs.ts";
import type { CallPlan } from "./calls.ts";
import { createInstance, type Instance, type InstanceSurroundings } from "./instance.ts";
import type { Manifest } from "./manifest.ts";
import { oneLine, PluginError } from "./plugin-error.ts";
import type { Residents } from "./sandbox/residents.ts";
import { GuestFailure } from "./sandbox/session.ts";

const PREFIX = "systole:";
/** Recipients whose instances are kept; the oldest give way. */
const REMEMBERED = 256;

/** An instance and what it was made of. */
interface ValidInstance {
  readonly instance: Instance;
  readonly manifest: Manifest;
  /** Parameters and the recipient's value. */
  readonly settings: string;
}

/** Of these, the next attempt may hear nothing: no code, an ordinary failure, bytes that are on their way, too much in a short time. */
const PASSING = new Set(["", "generic", "plugin-missing", "plugin-excess"]);

/** What is wrong with a plugin as it stands stays wrong; what happened to its process, or on the way to the recipient, may pass. */
function failure(error: unknown): AlertOutcome {
  const reason = oneLine(errorText(error));
  const code = error instanceof PluginError || error instanceof GuestFailure || isAgentError(error) ? error.code : "";
  const passing = PASSING.has(code) || (error instanceof PluginError && error.passing);
  return passing ? { outcome: "error", reason } : { outcome: "refused", reason };
}

/** Makes the plans of alert calls. */
export class AlertCalls {
  private readonly plugins: Pick<Residents, "load">;
  private readonly around: InstanceSurroundings;
  private readonly programs: AlertPrograms;
  /** By the sink's id: an instance counts its denials, so it lasts as long as it stays the same. */
  private readonly instances = new Map<string, ValidInstance>();

  constructor(plugins: Pick<Residents, "load">, around: InstanceSurroundings, programs: AlertPrograms) {
    this.plugins = plugins;
    this.around = around;
    this.programs = programs;
  }

  plan(call: AlertCall): CallPlan<AlertOutcome> {
    const { sink } = call;
    return {
      kind: "alert",
      id: call.id,
      subject: sink.id,
      plugin: sink.path,
      verb: call.alert === undefined ? "check" : "deliver",
      timeoutMs: call.timeoutMs,
      perform: (signal) => (sink.path.startsWith(PREFIX) ? this.deliver(call, signal) : this.run(call, signal)),
      failed: failure,
      late: (reason) => ({ outcome: "timeout", reason }),
      givenUp: (reason) => ({ outcome: "error", reason }),
    };
  }

  private async deliver({ sink, alert }: AlertCall, signal: AbortSignal): Promise<AlertOutcome> {
    const { manifest, resident } = await this.plugins.load("alert", sink.path.slice(PREFIX.length));
    const instance = this.instance(sink, manifest);
    if (alert === undefined) return { outcome: "done" };
    try {
      await resident.call("deliver", [alert], 1, instance.context(signal));
      return { outcome: "done" };
    } catch (error) {
      const failed = failure(error);
      return "reason" in failed ? { ...failed, reason: instance.redact(failed.reason) } : failed;
    }
  }

  private async run({ sink, alert }: AlertCall, signal: AbortSignal): Promise<AlertOutcome> {
    await runAlertProgram(sink, alert, this.programs, { signal, childEnvironment: this.around.childEnvironment });
    return { outcome: "done" };
  }

  private instance(sink: AlertCall["sink"], manifest: Manifest): Instance {
    const settings = JSON.stringify([sink.recipient, sink.parameters]);
    const last = this.instances.get(sink.id);
    if (last?.manifest === manifest && last.settings === settings) return last.instance;
    const more = sink.recipient === undefined ? {} : { recipient: sink.recipient };
    const instance = createInstance(manifest, sink.id, sink.parameters, this.around, more);
    this.instances.delete(sink.id);
    this.instances.set(sink.id, { instance, manifest, settings });
    const [oldest] = this.instances.keys();
    if (this.instances.size > REMEMBERED && oldest !== undefined) this.instances.delete(oldest);
    return instance;
  }
}
