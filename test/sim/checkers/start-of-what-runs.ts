// May never happen: an agent is asked to start what this life of the node has itself seen running, and done nothing to since. An
// author of an agent is promised that `start` is called when the service is stopped.

import type { Checker, Observation } from "../observations.ts";

export class StartOfWhatRuns implements Checker {
  readonly name = "start-of-what-runs";
  readonly sees = ["agent-answer", "agent-call"] as const;
  /** NODE LIFE RESOURCE: the last call said that it runs. */
  readonly #running = new Set<string>();

  see(seen: Observation): string | undefined {
    if (seen.seen === "agent-answer") {
      const { outcome, call } = seen;
      const key = `${seen.node.name} ${seen.incarnation} ${seen.resource}`;
      if (outcome.outcome === "state" && outcome.state === "running") this.#running.add(key);
      else if (call.verb === "monitor") this.#running.delete(key);
    }
    if (seen.seen !== "agent-call" || seen.call.verb === "monitor" || seen.call.verb === "notify") return undefined;
    const wasRunning = this.#running.delete(`${seen.node.name} ${seen.incarnation} ${seen.resource}`);
    if (seen.call.verb !== "start" || !wasRunning) return undefined;
    return `${seen.node.name} starts ${seen.resource}, which it has just seen running`;
  }
}
