// How much of a thing one instance of a plugin may ask for, where the grants say only whether it may. What costs the cluster (a
// change of an attribute is agreed on by every node) or the node's main thread is counted in a time, what costs the machine
// (programs, requests) is counted while it is under way. What is beyond is refused, and said once.

import { PluginError } from "./plugin-error.ts";
import type { PluginEvent } from "./types.ts";

/** Counted in a time. An honest monitor says a few things each time it runs. */
const IN_A_TIME = {
  attributes: { most: 20, what: "changes of node attributes and scores" },
  state: { most: 200, what: "changes of ctx.state" },
} as const;
const WINDOW_MS = 10_000;

/** Counted while under way. */
const AT_ONCE = {
  run: { most: 16, what: "programs" },
  fetch: { most: 64, what: "requests" },
  processes: { most: 4, what: "searches through all processes" },
} as const;

/** A node attribute is kept by every node; so many names may one instance set before Systole is started again. */
const MAXIMUM_ATTRIBUTE_NAMES = 64;
/** What is beyond is an event at first, and again after this. */
const TOLD_AGAIN_MS = 600_000;

/** The limits of one instance. */
export interface InstanceLimits {
  /** Counts one more. Throws PluginError `plugin-excess` when there were too many of late. */
  count(kind: keyof typeof IN_A_TIME): void;
  /** Counts a name that is set. Throws PluginError `plugin-excess` when there are too many. */
  countName(name: string): void;
  /** Does the work. Rejects with PluginError `plugin-excess`, and does nothing, when too much such work is under way. */
  during<Result>(kind: keyof typeof AT_ONCE, work: () => Promise<Result>): Promise<Result>;
}

/** The limits of all instances of a node: a fence device is a new instance for each call, but has one count. */
export interface Limits {
  /** `plugin`: how messages call it; `resource`: the instance. */
  of(plugin: string, resource: string): InstanceLimits;
}

/** Opens the limits of a node. `onEvent` hears of an excess once; `nowMs`: a clock that never goes back. */
export function openLimits(onEvent: (event: PluginEvent) => void, nowMs = (): number => performance.now()): Limits {
  const known = new Map<string, InstanceLimits>();
  return {
    of(plugin, resource) {
      const key = `${plugin} ${resource}`;
      const limits = known.get(key) ?? limitsOf(plugin, resource, onEvent, nowMs);
      known.set(key, limits);
      return limits;
    },
  };
}

function limitsOf(
  plugin: string,
  resource: string,
  onEvent: (event: PluginEvent) => void,
  nowMs: () => number,
): InstanceLimits {
  const windows = new Map<string, { readonly startMs: number; count: number }>();
  const underWay = new Map<string, number>();
  const names = new Set<string>();
  const toldMs = new Map<string, number>();
  const refuse = (kind: string, text: string): never => {
    const error = new PluginError("plugin-excess", `${plugin} (for ${resource}) ${text}`);
    if (nowMs() - (toldMs.get(kind) ?? Number.NEGATIVE_INFINITY) >= TOLD_AGAIN_MS) {
      toldMs.set(kind, nowMs());
      onEvent({ kind: "plugin", code: error.code, text: error.message, severity: "warning", resource });
    }
    throw error;
  };
  return {
    count(kind) {
      const { most, what } = IN_A_TIME[kind];
      let window = windows.get(kind);
      if (window === undefined || nowMs() - window.startMs >= WINDOW_MS) window = { startMs: nowMs(), count: 0 };
      windows.set(kind, window);
      if (window.count >= most)
        refuse(kind, `has made ${most} ${what} within ${WINDOW_MS / 1_000} s, so no more are made.`);
      window.count += 1;
    },
    countName(name) {
      if (!names.has(name) && names.size >= MAXIMUM_ATTRIBUTE_NAMES)
        refuse("names", `has set ${MAXIMUM_ATTRIBUTE_NAMES} different node attributes, so ${name} is not set.`);
      names.add(name);
    },
    async during(kind, work) {
      const { most, what } = AT_ONCE[kind];
      const count = underWay.get(kind) ?? 0;
      if (count >= most) refuse(kind, `has ${most} ${what} under way, so no further one is begun.`);
      underWay.set(kind, count + 1);
      try {
        return await work();
      } finally {
        underWay.set(kind, (underWay.get(kind) ?? 1) - 1);
      }
    },
  };
}
