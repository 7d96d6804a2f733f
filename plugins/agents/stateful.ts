// A promotable service of which nothing depends: a sleeping process with a role. For trials and tests of promotion.
//
// The role is kept together with the process's identity, so that it is lost with the process and never outlives it.

import { defineResourceAgent, type ProcessIdentity, type State, Type } from "systole/sdk";

/** What stands in the state while the process is promoted. */
function roleMark({ pid, startTicks, bootId }: ProcessIdentity): string {
  return `promoted ${bootId} ${startTicks} ${pid}`;
}

async function isPromoted(state: State, identity: ProcessIdentity): Promise<boolean> {
  return (await state.get("role")) === roleMark(identity);
}

export default defineResourceAgent({
  name: "stateful",
  summary: "A sleeping process that can be promoted, standing in for a replicated service",
  parameters: Type.Object({
    score: Type.Integer({
      description: "Promotion score of an unpromoted instance",
      default: 5,
      minimum: -1_000_000,
      maximum: 1_000_000,
    }),
    promotedScore: Type.Integer({
      description: "Promotion score of a promoted instance",
      default: 10,
      minimum: -1_000_000,
      maximum: 1_000_000,
    }),
  }),
  permissions: { daemon: ["sleep infinity"], promotionScore: true },
  timeouts: { monitor: "5s", start: "10s", stop: "10s", promote: "10s", demote: "10s" },
  async monitor({ daemon, params, promotionScore, state }) {
    const { identity } = await daemon.adopt();
    if (identity === undefined) return "stopped";
    const promoted = await isPromoted(state, identity);
    await promotionScore(promoted ? params.promotedScore : params.score);
    return promoted ? "promoted" : "running";
  },
  async start({ daemon, params, promotionScore, state }) {
    const identity = await daemon.start("sleep", ["infinity"]);
    if (!(await isPromoted(state, identity))) await promotionScore(params.score);
  },
  async stop({ daemon, state }) {
    await daemon.stop();
    await state.remove("role");
  },
  promotion: {
    async promote({ daemon, params, promotionScore, state }) {
      const { identity, ended } = await daemon.adopt();
      if (identity === undefined)
        throw new Error(`It does not run, so it cannot be promoted${ended === undefined ? "" : `: ${ended}`}.`);
      await state.set("role", roleMark(identity));
      await promotionScore(params.promotedScore);
    },
    async demote({ params, promotionScore, state }) {
      await state.remove("role");
      await promotionScore(params.score);
    },
  },
});
