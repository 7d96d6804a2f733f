// The status of a random cluster: what comes out when its configuration of before ran through its events, so that it is a state that
// a cluster can be in; with a little noise that no cluster would make.

import { md5Hex } from "../../../runtime/host/md5.ts";
import { type Element, withAttributes, withChildren } from "../../../runtime/kernel/cib/element.ts";
import { type Schedule, schedule } from "../../../runtime/services/scheduler/schedule.ts";
import type { GraphAction } from "../../../runtime/services/transition.ts";
import { cibFromLines } from "../../golden/scheduler/cib-text.ts";
import { changeState, changeStatus, runPlan, setAttribute } from "./effects.ts";
import type { Event, RandomCluster } from "./random-cluster.ts";

/** When histories begin. */
export const BEGINNING_SECONDS = 1_000_000;

const GONE = { in_ccm: "false", crmd: "offline", join: "down" };
const HERE = { in_ccm: "true", crmd: "online", join: "member", expected: "member" };
const SCORES = ["1", "10", "100", "-1", "INFINITY", "-INFINITY"];
const ATTRIBUTES = [
  ["pingd", "0"],
  ["pingd", "5"],
  ["#health-ram", "red"],
  ["#health-ram", "yellow"],
  ["#health-ram", "20"],
  ["standby", "on"],
  ["maintenance", "true"],
];

function pick<Thing>(list: readonly Thing[], number: number): Thing | undefined {
  return list[number % Math.max(1, list.length)];
}

function withoutMemory(state: Element): Element {
  return withChildren(
    state,
    state.children.filter((child) => child.name !== "transient_attributes"),
  );
}

function befall(cib: Element, cluster: RandomCluster, event: Event, nowEpochSeconds: number): Element {
  const node = pick(cluster.nodes, event.node) ?? "n1";
  const resource = pick(cluster.primitives, event.resource) ?? "r0";
  const state = (attributes: Readonly<Record<string, string>>) =>
    changeState(cib, node, (old) => withAttributes(withoutMemory(old), attributes));
  switch (event.kind) {
    case "down":
      return state({ ...GONE, expected: "down" });
    case "unclean":
      return state({ ...GONE, expected: "member" });
    case "pending":
      return state({ in_ccm: String(nowEpochSeconds - 600), crmd: "", join: "down", expected: "down" });
    case "up":
      return changeState(cib, node, (old) => withAttributes(withChildren(old, []), HERE));
    case "shutdown":
      return setAttribute(cib, node, "shutdown", String(nowEpochSeconds));
    case "score":
      return setAttribute(cib, node, `master-${resource}`, pick(SCORES, event.value));
    case "attribute": {
      const [name = "", value = ""] = pick(ATTRIBUTES, event.value) ?? [];
      return setAttribute(cib, node, name, value);
    }
    case "ticket":
      return setTicket(cib, event.value);
    case "noise":
      return makeNoise(cib, event);
    default:
      return cib;
  }
}

function setTicket(cib: Element, value: number): Element {
  const attributes = {
    id: "east",
    granted: String(value % 3 > 0),
    standby: String(value % 3 === 2),
    "last-granted": "5",
  };
  const states = value % 4 === 3 ? [] : [{ name: "ticket_state", attributes, children: [] }];
  return changeStatus(cib, (status) => ({
    ...status,
    children: [
      { name: "tickets", attributes: {}, children: states },
      ...status.children.filter((child) => child.name !== "tickets"),
    ],
  }));
}

/** Spoils one entry of the history: a result, a status, a call, a time, a key. */
function makeNoise(cib: Element, { node, resource, value }: Event): Element {
  const changes = [
    { "rc-code": "1" },
    { "op-status": "4" },
    { "op-status": "-1", "rc-code": "193" },
    { "call-id": "-1" },
    { "last-rc-change": "1" },
    { operation: "migrate_to", migrate_source: "n1", migrate_target: "n2" },
    { "op-digest": "00000000000000000000000000000000" },
    { "rc-code": "8" },
    { "rc-code": "0" },
  ];
  let left = node * 7 + resource;
  const visit = (part: Element): Element => {
    if (part.name === "lrm_rsc_op" && left-- === 0) return withAttributes(part, changes[value % changes.length] ?? {});
    return { ...part, children: part.children.map(visit) };
  };
  return changeStatus(cib, visit);
}

function chosenFailures(plan: Schedule, event: Event): Map<GraphAction, number> {
  const failures = new Map<GraphAction, number>();
  for (const [place, result] of event.failures) {
    const action = pick(plan.graph.synapses, place)?.action;
    if (action?.kind === "resource" && result !== 0) failures.set(action, result);
  }
  return failures;
}

/** Puts the status of one CIB under the configuration of another. */
function withStatusOf(cib: Element, past: Element): Element {
  const status = past.children.find((child) => child.name === "status");
  return withChildren(
    cib,
    cib.children.map((child) => (child.name === "status" && status !== undefined ? status : child)),
  );
}

function quorumOf(cib: Element, cluster: RandomCluster): string {
  const status = cib.children.find((child) => child.name === "status");
  const here = (status?.children ?? []).filter(
    ({ attributes }) => cluster.nodes.includes(attributes["uname"] ?? "") && attributes["crmd"] === "online",
  );
  return here.length * 2 > cluster.nodes.length ? "1" : "0";
}

/** Lets all happen. */
export function cibOf(cluster: RandomCluster): { cib: Element; nowEpochSeconds: number } {
  let nowEpochSeconds = BEGINNING_SECONDS;
  let cib = cibFromLines(cluster.before.join("\n"));
  for (const event of cluster.events) {
    cib = befall(cib, cluster, event, nowEpochSeconds);
    cib = withAttributes(cib, { "have-quorum": quorumOf(cib, cluster) });
    const plan = schedule(cib, { nowEpochSeconds, md5Hex });
    cib = runPlan(cib, plan, nowEpochSeconds, chosenFailures(plan, event));
    nowEpochSeconds += event.secondsLater;
  }
  const last = cluster.events[cluster.events.length - 1];
  if (last !== undefined) cib = befall(cib, cluster, { ...last, node: last.node + 1 }, nowEpochSeconds);
  const now = withStatusOf(cibFromLines(cluster.lines.join("\n")), cib);
  return { cib: withAttributes(now, { "have-quorum": quorumOf(now, cluster) }), nowEpochSeconds };
}
