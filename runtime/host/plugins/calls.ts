// One call of a plugin from beginning to answer. The answer never waits for the plugin: at the deadline, or when the call is
// no longer wanted, it is given at once, and what the plugin does afterwards changes nothing, since its `ctx` is dead.
// A plugin that does not come back even so hangs, and its call is shown by name until it does.

import type { CallInFlight } from "./types.ts";

/** A plugin that has not come back this long after its call was answered is reported. */
const HANG_REPORT_MS = 2_000;
/** With so many hung calls of one resource, no further one is made. */
const MAXIMUM_HUNG_CALLS = 8;
/** A timer holds no more. */
const LONGEST_TIMER_MS = 2_147_483_647;
const CLOSE_LOOK_MS = 5;

/** What a call is, and how each of its ends reads as an outcome. */
export interface CallPlan<Outcome> {
  readonly kind: CallInFlight["kind"];
  readonly id: number;
  readonly subject: string;
  readonly plugin: string;
  readonly verb: string;
  readonly timeoutMs: number;
  /** Does the work under the signal. */
  perform(signal: AbortSignal): Promise<Outcome>;
  /** It threw. */
  failed(error: unknown): Outcome;
  /** Its deadline has passed. `reason`: a sentence. */
  late(reason: string): Outcome;
  /** It was aborted, or could not be made. `reason`: a sentence. */
  givenUp(reason: string): Outcome;
}

/** The calls under way. */
export interface Calls {
  /** Never rejects, and resolves no later than the deadline. */
  make<Outcome>(plan: CallPlan<Outcome>): Promise<Outcome>;
  abort(kind: CallInFlight["kind"], id: number, why: string): void;
  inFlight(): readonly CallInFlight[];
  /** Aborts everything, and waits for the plugins at most this long. */
  close(graceMs: number): Promise<void>;
}

/** `web start (ocf:systole:process)` */
function nameOf(plan: CallPlan<unknown>): string {
  return `${plan.subject} ${plan.verb} (${plan.plugin})`;
}

/** A call as it is kept: it is answered once, and it is over when the plugin has come back. */
class Call<Outcome> {
  readonly plan: CallPlan<Outcome>;
  readonly startedMs = performance.now();
  /** What the caller waits for. */
  readonly outcome: Promise<Outcome>;
  answered = false;
  private readonly controller = new AbortController();
  private readonly onHang: HangListener;
  private readonly caller: { resolve(outcome: Outcome): void };
  private deadlineTimer: NodeJS.Timeout | undefined;
  private hangTimer: NodeJS.Timeout | undefined;

  constructor(plan: CallPlan<Outcome>, onHang: HangListener) {
    this.plan = plan;
    this.onHang = onHang;
    const caller: { resolve(outcome: Outcome): void } = { resolve: () => undefined };
    this.outcome = new Promise((resolve) => {
      caller.resolve = resolve;
    });
    this.caller = caller;
  }

  /** Resolves when the plugin has come back, which may be long after the answer. */
  async run(): Promise<void> {
    const { plan } = this;
    const deadlineMs = Math.min(Math.max(0, plan.timeoutMs), LONGEST_TIMER_MS);
    this.deadlineTimer = setTimeout(() => {
      const reason = `${nameOf(plan)} did not end within ${Math.round(plan.timeoutMs)} ms.`;
      this.giveUp(plan.late(reason), reason);
    }, deadlineMs);
    const outcome = await perform(plan, this.controller.signal);
    clearTimeout(this.hangTimer);
    this.answer(outcome, "The call has ended.");
  }

  abort(why: string): void {
    if (!this.answered) this.giveUp(this.plan.givenUp(`${nameOf(this.plan)} was aborted: ${why}.`), why);
  }

  /** No longer asks whether the plugin hangs. */
  forget(): void {
    clearTimeout(this.hangTimer);
  }

  private giveUp(outcome: Outcome, why: string): void {
    this.answer(outcome, why);
    const text = `${nameOf(this.plan)} was aborted and answered, but the plugin has not come back: it does not obey ctx.signal.`;
    this.hangTimer = setTimeout(() => this.onHang(this.plan, text), HANG_REPORT_MS).unref();
  }

  private answer(outcome: Outcome, why: string): void {
    if (this.answered) return;
    this.answered = true;
    clearTimeout(this.deadlineTimer);
    this.controller.abort(new Error(why));
    this.caller.resolve(outcome);
  }
}

type HangListener = (plan: CallPlan<unknown>, text: string) => void;

/** Keeps the calls of a node. `onHang` is told of a plugin that does not come back. */
export function createCalls(onHang: HangListener): Calls {
  const calls = new Set<Call<unknown>>();

  const make = <Outcome>(plan: CallPlan<Outcome>): Promise<Outcome> => {
    const hung = [...calls].filter((call) => call.answered && call.plan.subject === plan.subject).length;
    if (hung >= MAXIMUM_HUNG_CALLS) {
      const reason = `${hung} earlier calls of ${plan.subject} hang in the plugin ${plan.plugin}; no further one is made. Restart this node's Systole.`;
      return Promise.resolve(plan.givenUp(reason));
    }
    const call = new Call(plan, onHang);
    calls.add(call);
    call.run().finally(() => calls.delete(call));
    return call.outcome;
  };

  return {
    make,
    abort(kind, id, why) {
      for (const call of calls) if (call.plan.kind === kind && call.plan.id === id) call.abort(why);
    },
    inFlight: () =>
      [...calls].map(({ plan, startedMs, answered }) => ({
        kind: plan.kind,
        id: plan.id,
        subject: plan.subject,
        plugin: plan.plugin,
        verb: plan.verb,
        ageMs: Math.round(performance.now() - startedMs),
        timeoutMs: plan.timeoutMs,
        overdue: answered,
      })),
    async close(graceMs) {
      for (const call of calls) call.abort("this node is closing");
      for (const deadlineMs = performance.now() + graceMs; calls.size > 0 && performance.now() < deadlineMs; ) {
        await new Promise((resolve) => setTimeout(resolve, CLOSE_LOOK_MS));
      }
      for (const call of calls) call.forget();
    },
  };
}

/** The work, with whatever it throws made into an outcome. */
async function perform<Outcome>(plan: CallPlan<Outcome>, signal: AbortSignal): Promise<Outcome> {
  try {
    return await plan.perform(signal);
  } catch (error) {
    return plan.failed(error);
  }
}
