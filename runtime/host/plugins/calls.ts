// One call of a plugin from beginning to answer. The answer never waits for the plugin: at the deadline, or when the call is
// no longer wanted, it is given at once, and what the plugin does afterwards changes nothing, since its `ctx` is dead.
// A plugin that does not come back even so hangs, and its call is shown by name until it does.

import type { CallInFlight } from "./types.ts";

/** A plugin that has not come back this long after its call was answered is reported. */
const HANG_REPORT_MS = 2_000;
/** With so many hung calls of one resource, no further one is made. */
const MAXIMUM_HUNG_CALLS = 8;

/** What a call is, and how each of its ends reads as an outcome. */
export interface CallPlan<Outcome> {
  readonly kind: "agent" | "device";
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

interface CallRecord {
  readonly plan: CallPlan<unknown>;
  readonly startedMs: number;
  readonly abort: (why: string) => void;
  answered: boolean;
  hangTimer?: NodeJS.Timeout;
}

/** The calls under way. */
export interface Calls {
  /** Never rejects, and resolves no later than the deadline. */
  make<Outcome>(plan: CallPlan<Outcome>): Promise<Outcome>;
  abort(kind: "agent" | "device", id: number, why: string): void;
  inFlight(): readonly CallInFlight[];
  /** Aborts everything, and waits for the plugins at most this long. */
  close(graceMs: number): Promise<void>;
}

/** `web start (ocf:systole:process)` */
function nameOf(plan: CallPlan<unknown>): string {
  return `${plan.subject} ${plan.verb} (${plan.plugin})`;
}

/** Keeps the calls of a node. `onHang` is told of a plugin that does not come back. */
export function createCalls(onHang: (plan: CallPlan<unknown>, text: string) => void): Calls {
  const records = new Set<CallRecord>();

  const make = <Outcome>(plan: CallPlan<Outcome>): Promise<Outcome> => {
    const hung = [...records].filter((record) => record.answered && record.plan.subject === plan.subject).length;
    if (hung >= MAXIMUM_HUNG_CALLS) {
      return Promise.resolve(
        plan.givenUp(
          `${hung} earlier calls of ${plan.subject} hang in the plugin ${plan.plugin}; no further one is made. Restart this node's Systole.`,
        ),
      );
    }
    return new Promise<Outcome>((resolve) => {
      const controller = new AbortController();
      const answer = (outcome: Outcome, why: string): void => {
        if (record.answered) return;
        record.answered = true;
        clearTimeout(timer);
        controller.abort(new Error(why));
        resolve(outcome);
      };
      const waitForPlugin = (): void => {
        record.hangTimer = setTimeout(() => {
          onHang(
            plan,
            `${nameOf(plan)} was aborted and answered, but the plugin has not come back: it does not obey ctx.signal.`,
          );
        }, HANG_REPORT_MS).unref();
      };
      const record: CallRecord = {
        plan,
        startedMs: performance.now(),
        answered: false,
        abort(why) {
          answer(plan.givenUp(`${nameOf(plan)} was aborted: ${why}.`), why);
          waitForPlugin();
        },
      };
      const timer = setTimeout(
        () => {
          const reason = `${nameOf(plan)} did not end within ${Math.round(plan.timeoutMs)} ms.`;
          answer(plan.late(reason), reason);
          waitForPlugin();
        },
        Math.max(0, plan.timeoutMs),
      );
      records.add(record);
      const ended = (): void => {
        clearTimeout(record.hangTimer);
        records.delete(record);
      };
      perform(plan, controller.signal).then((outcome) => {
        ended();
        answer(outcome, "The call has ended.");
      });
    });
  };

  return {
    make,
    abort(kind, id, why) {
      for (const record of records) {
        if (record.plan.kind === kind && record.plan.id === id && !record.answered) record.abort(why);
      }
    },
    inFlight: () =>
      [...records].map(({ plan, startedMs, answered }) => ({
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
      for (const record of records) if (!record.answered) record.abort("this node is closing");
      for (const deadlineMs = performance.now() + graceMs; records.size > 0 && performance.now() < deadlineMs; ) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      for (const record of records) clearTimeout(record.hangTimer);
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
