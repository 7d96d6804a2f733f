// Tricks with the cluster's own words: attributes by which nodes are steered, scores, states of others, calls that are over.

import type { Topic } from "./probe.ts";

export const ctxCluster: Topic = {
  topic: "ctx.attributes, ctx.state, ctx.promotionScore",
  probes: [
    {
      name: "an attribute that sends a node away",
      attempt: `await ctx.attributes.set("standby", "on"); return world.proof;`,
    },
    {
      name: "an attribute that has a node fenced",
      attempt: `await ctx.attributes.set("terminate", "true"); return world.proof;`,
    },
    {
      name: "an attribute that steers, in capitals",
      attempt: `await ctx.attributes.set("Maintenance", "true"); return world.proof;`,
    },
    {
      name: "the failures of a resource",
      attempt: `await ctx.attributes.set("fail-count-other#start_0", "INFINITY"); return world.proof;`,
    },
    {
      name: "the promotion score of another resource",
      attempt: `await ctx.attributes.set("master-other", "1000000"); return world.proof;`,
    },
    {
      name: "an attribute of a node's health",
      attempt: `await ctx.attributes.set("#health-probe", "red"); return world.proof;`,
    },
    {
      name: "an attribute's name with more in it",
      attempt: `await ctx.attributes.set("probe-x\\" value=\\"y", "x"); return world.proof;`,
    },
    {
      name: "the prototype of all attributes",
      attempt: `await ctx.attributes.set("__proto__", "x"); return world.proof;`,
    },
    {
      name: "an attribute that is not granted",
      attempt: `await ctx.attributes.set("other", "x"); return world.proof;`,
    },
    {
      name: "an attribute's value with control characters",
      attempt: `await ctx.attributes.set("probe-x", "a\\u0000\\u001b[2J"); return world.proof;`,
    },
    { name: "a score beyond the highest", attempt: `await ctx.promotionScore(1e9); return world.proof;` },
    { name: "a score that is no whole number", attempt: `await ctx.promotionScore(0.5); return world.proof;` },
    {
      name: "a flood of changes of an attribute",
      attempt: `for (let i = 0; i < 100; i += 1) await ctx.attributes.set("probe-flood", String(i)); return world.proof;`,
    },
    {
      name: "a flood of changes of the state",
      attempt: `for (let i = 0; i < 1_000; i += 1) await ctx.state.set("flood", String(i)); return world.proof;`,
    },
    {
      name: "the host's own keys in the state",
      attempt: `await ctx.state.set("host:started", "x"); return world.proof;`,
    },
    {
      name: "a state without end",
      attempt: `for (let i = 0; i < 64; i += 1) await ctx.state.set("k" + i, "x".repeat(10_000)); return world.proof;`,
    },
  ],
};
