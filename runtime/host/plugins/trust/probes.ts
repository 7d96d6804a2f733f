// How two versions of a plugin are compared: both observe every resource and device that this node has looked at lately, at
// the same time. A new version is proven when it sees what the present one sees. The observations of a new version leave no
// trace: what it would remember or tell the cluster is dropped.

import type { AgentCall, AgentOutcome, DeviceCall, DeviceOutcome } from "../../../services/calls.ts";
import { AgentCalls } from "../agents.ts";
import { planDeviceCall } from "../devices.ts";
import type { InstanceSurroundings } from "../instance.ts";
import { openLimits } from "../limits.ts";
import type { RunningPlugin } from "../sandbox/residents.ts";
import type { InstanceState, StateStore } from "../state.ts";
import type { PluginProof, ProbeComparison } from "./types.ts";

/** Resources and devices whose last observation is remembered; the oldest give way. */
const REMEMBERED = 1_024;
/** An observation takes no longer than this, whatever the operation's timeout. */
const LONGEST_OBSERVATION_MS = 30_000;
/** Between two looks of a shadow. */
const SHADOW_INTERVAL_MS = 1_000;
/** Something may change between two looks at the same thing: so often they may differ in a row before it counts. */
const LOOKS = 3;
/** Between these. */
const LOOK_AGAIN_MS = 100;

type Look =
  | { readonly kind: "resource-agent"; readonly name: string; readonly call: AgentCall }
  | { readonly kind: "fence-device"; readonly name: string; readonly call: DeviceCall };

interface Observation {
  readonly word: string;
  readonly reason?: string;
}

/** Remembers what was observed here, and observes it again with any version. */
export class Probes {
  private readonly looks = new Map<string, Look>();
  private readonly around: InstanceSurroundings;
  private readonly signal: AbortSignal;

  /** `signal`: the plugin host closes. */
  constructor(around: InstanceSurroundings, signal: AbortSignal) {
    this.around = around;
    this.signal = signal;
  }

  noteAgent(call: AgentCall): void {
    const { id, class: standard, provider, type } = call.resource;
    if (standard !== "ocf" || provider !== "systole") return;
    if (call.verb === "monitor") this.note(`agent ${id}`, { kind: "resource-agent", name: type, call });
  }

  noteDevice(call: DeviceCall): void {
    const { id, type } = call.device;
    if (call.verb === "setPower" || !type.startsWith("systole:")) return;
    this.note(`device ${id}`, { kind: "fence-device", name: type.slice("systole:".length), call });
  }

  /** Nothing is remembered of a resource that is gone from here for good. */
  private note(key: string, look: Look): void {
    this.looks.delete(key);
    this.looks.set(key, look);
    const [oldest] = this.looks.keys();
    if (this.looks.size > REMEMBERED && oldest !== undefined) this.looks.delete(oldest);
  }

  /** What both see of everything of this plugin that is known here, sorted by subject. */
  async compare(
    kind: string,
    name: string,
    present: RunningPlugin,
    candidate: RunningPlugin,
  ): Promise<ProbeComparison[]> {
    const looks = [...this.looks.values()].filter((look) => look.kind === kind && look.name === name);
    const compared = await Promise.all(looks.map((look) => this.compareOne(look, present, candidate)));
    return compared.sort((a, b) => (a.subject < b.subject ? -1 : 1));
  }

  /** Compares again and again until the time is over or they differ. */
  async shadow(
    kind: string,
    name: string,
    present: RunningPlugin,
    candidate: RunningPlugin,
    shadowMs: number,
  ): Promise<{ readonly comparisons: readonly ProbeComparison[]; readonly rounds: number }> {
    const endMs = performance.now() + shadowMs;
    for (let rounds = 1; ; rounds += 1) {
      const comparisons = await this.compare(kind, name, present, candidate);
      const over = performance.now() + SHADOW_INTERVAL_MS > endMs || this.signal.aborted;
      if (over || comparisons.some(({ agree }) => !agree)) return { comparisons, rounds };
      await pause(SHADOW_INTERVAL_MS);
    }
  }

  private async compareOne(look: Look, present: RunningPlugin, candidate: RunningPlugin): Promise<ProbeComparison> {
    const subject = look.kind === "resource-agent" ? look.call.resource.id : look.call.device.id;
    const verb = look.call.verb;
    for (let looks = 1; ; looks += 1) {
      const [before, after] = await Promise.all([this.observe(look, present), this.observe(look, candidate)]);
      const agree = agrees(before, after);
      if (agree || looks >= LOOKS || this.signal.aborted) {
        const reason = agree ? undefined : (after.reason ?? before.reason);
        const words = { present: before.word, candidate: after.word, agree };
        return { subject, verb, ...words, ...(reason === undefined ? {} : { reason }) };
      }
      await pause(LOOK_AGAIN_MS);
    }
  }

  private async observe(look: Look, running: RunningPlugin): Promise<Observation> {
    const around = withoutTrace(this.around);
    const plugins = { load: async () => running };
    const timeoutMs = Math.min(Math.max(look.call.timeoutMs, 1), LONGEST_OBSERVATION_MS);
    const signal = AbortSignal.any([this.signal, AbortSignal.timeout(timeoutMs)]);
    const late: Observation = { word: "late", reason: `it did not answer within ${Math.round(timeoutMs)} ms` };
    const aborted = new Promise<Observation>((resolve) => {
      if (signal.aborted) resolve(late);
      signal.addEventListener("abort", () => resolve(late), { once: true });
    });
    const perform =
      look.kind === "resource-agent"
        ? new AgentCalls(plugins, around).plan(look.call).perform(signal)
        : planDeviceCall(look.call, plugins, around).perform(signal);
    return Promise.race([
      aborted,
      perform.then(observationOf, (error: unknown) => ({ word: "error", reason: String(error) })),
    ]);
  }
}

function observationOf(outcome: AgentOutcome | DeviceOutcome): Observation {
  const reason = "reason" in outcome && outcome.reason !== undefined ? { reason: outcome.reason } : {};
  if (outcome.outcome === "state") return { word: outcome.state, ...reason };
  if (outcome.outcome === "power") return { word: outcome.power };
  return { word: outcome.outcome === "done" ? "answers" : outcome.outcome, ...reason };
}

/** What a version saw, as opposed to that it could not look. */
const SEEN: ReadonlySet<string> = new Set(["running", "promoted", "stopped", "on", "off", "answers"]);

/** Where the present version sees something, the new one must see the same; where it cannot look, anything is no worse. */
function agrees(present: Observation, candidate: Observation): boolean {
  return present.word === candidate.word || !SEEN.has(present.word);
}

/** Surroundings in which an observation changes nothing. */
function withoutTrace(around: InstanceSurroundings): InstanceSurroundings {
  const states: StateStore = {
    of: (instance) => forgetful(around.states.of(instance)),
    instances: () => around.states.instances(),
  };
  return {
    ...around,
    states,
    limits: openLimits(() => undefined),
    onAttribute: () => undefined,
    onEvent: () => undefined,
  };
}

function forgetful(state: InstanceState): InstanceState {
  const written = new Map<string, string | undefined>();
  return {
    get: (key) => (written.has(key) ? written.get(key) : state.get(key)),
    set: (key, value) => void written.set(key, value),
    remove: (key) => void written.set(key, undefined),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

/** What a comparison says. */
export function proofOf(comparisons: readonly ProbeComparison[], rounds = 1): PluginProof {
  const differs = comparisons.filter(({ agree }) => !agree);
  const often = rounds === 1 ? "" : ` in ${rounds} looks at each`;
  if (differs.length > 0) {
    const first = differs
      .map(({ subject, present, candidate }) => `${subject} (${present} before, ${candidate} now)`)
      .join(", ");
    return { good: false, text: `the new version does not see what the present one sees: ${first}.`, comparisons };
  }
  if (comparisons.length === 0)
    return { good: true, text: "it starts, and nothing of it runs on this node.", comparisons };
  return { good: true, text: `it starts and sees what the present one sees${often}.`, comparisons };
}
