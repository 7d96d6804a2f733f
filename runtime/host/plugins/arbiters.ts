// Performs calls of the arbiter: one plugin with the parameters of this node's configuration. Whatever is no clear answer is an error,
// which the kernel takes for "perhaps done".

import type { ArbiterCall, ArbiterOutcome } from "../../kernel/messages.ts";
import { errorText } from "../errors.ts";
import type { CallPlan } from "./calls.ts";
import { createInstance, type Instance, type InstanceSurroundings } from "./instance.ts";
import { oneLine } from "./plugin-error.ts";
import type { Residents } from "./sandbox/residents.ts";
import type { ArbiterSetting } from "./types.ts";

/** Longer ones are refused: they go into each replacement. */
const MAX_TAG_CHARACTERS = 1_024;
const SUBJECT = "arbiter";

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** Makes the plans of calls of the arbiter. */
export class ArbiterCalls {
  private readonly setting: ArbiterSetting | undefined;
  private readonly plugins: Pick<Residents, "load">;
  private readonly around: InstanceSurroundings;
  private count = 0;

  constructor(setting: ArbiterSetting | undefined, plugins: Pick<Residents, "load">, around: InstanceSurroundings) {
    this.setting = setting;
    this.plugins = plugins;
    this.around = around;
  }

  plan(call: ArbiterCall, timeoutMs: number): CallPlan<ArbiterOutcome> {
    this.count += 1;
    const error = (reason: string): ArbiterOutcome => ({ outcome: "error", reason });
    return {
      kind: "arbiter",
      id: this.count,
      subject: SUBJECT,
      plugin: this.setting?.plugin ?? "",
      verb: call.verb,
      timeoutMs,
      perform: (signal) => this.perform(call, signal),
      failed: (thrown) => error(oneLine(errorText(thrown))),
      late: (reason) => ({ outcome: "timeout", reason }),
      givenUp: error,
    };
  }

  private async perform(call: ArbiterCall, signal: AbortSignal): Promise<ArbiterOutcome> {
    if (this.setting === undefined) {
      const reason = `This node's configuration names no arbiter, although the cluster has one: add "arbiter" to its "quorum", as on the other nodes.`;
      return { outcome: "error", reason };
    }
    let instance: Instance | undefined;
    try {
      const { manifest, resident } = await this.plugins.load("arbiter", this.setting.plugin);
      instance = createInstance(manifest, SUBJECT, this.setting.parameters, this.around);
      const ctx = instance.context(signal);
      if (call.verb === "read") return readOutcome(await resident.call("read", [], 0, ctx));
      const { text, expectedTag } = call;
      const wanted = { text, ...(expectedTag === undefined ? {} : { expectedTag }) };
      return replaceOutcome(await resident.call("replace", [wanted], 1, ctx));
    } catch (error) {
      const reason = oneLine(errorText(error));
      return { outcome: "error", reason: instance?.redact(reason) ?? reason };
    }
  }
}

function readOutcome(answer: unknown): ArbiterOutcome {
  if (answer === undefined || answer === null) return { outcome: "absent" };
  if (isRecord(answer)) {
    const { text, tag } = answer;
    if (typeof text === "string" && typeof tag === "string" && tag.length <= MAX_TAG_CHARACTERS)
      return { outcome: "read", text, tag };
  }
  return nonsense("read", answer);
}

function replaceOutcome(answer: unknown): ArbiterOutcome {
  return answer === "replaced" || answer === "conflict" ? { outcome: answer } : nonsense("replace", answer);
}

function nonsense(verb: string, answer: unknown): ArbiterOutcome {
  const said = oneLine(JSON.stringify(answer) ?? "nothing", 80);
  return { outcome: "error", reason: `The arbiter's plugin answered ${said} to ${verb}; this is a bug of the plugin.` };
}
