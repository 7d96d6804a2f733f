// The facts that a node reports -> how the cluster is. The daemon sends facts, the words are made here.

import type { StatusReport } from "../api/schema.ts";
import type { ClusterStatus, InFlight, StatusEvent } from "../model/status/schema.ts";
import { clusterStatus, type StatusExtras } from "../model/status.ts";

/** A link that is silent for so much longer than another of the same peer is told as lost. */
const LOST_LINK_MS = 5_000;

/** The status as the node behind the report sees it; `events` are told apart from it by `subscribe`. */
export function statusOfReport(report: StatusReport, events: readonly StatusEvent[] = []): ClusterStatus {
  const extras: StatusExtras = {
    epochMs: report.epochMs,
    cluster: report.cluster,
    localNode: report.node.name,
    nodes: report.nodes,
    acceptsLoss: report.acceptsLoss,
    ...arbiterOf(report),
    events,
    fencingHistory: report.fencingHistory,
    ...(report.transition === undefined ? {} : { transition: report.transition }),
    inFlight: [...report.operations, ...report.inFlight.filter((call) => call.overdue).map(hanging)],
    plugins: { ...report.plugins, used: [...report.plugins.used] },
    problems: [...problemsOf(report), ...pluginProblems(report)],
  };
  const status = clusterStatus(report.cib, report.standing, extras);
  return { ...status, problems: [...status.problems, ...failedFences(status)] };
}

function arbiterOf({ arbiter, nodes }: StatusReport): Pick<StatusExtras, "arbiter"> {
  if (arbiter === undefined) return {};
  const { votes, reachable, given, text } = arbiter;
  const nameOf = (id: number): string => nodes.find((node) => node.id === id)?.name ?? `node ${id}`;
  return {
    arbiter: {
      votes,
      text,
      ...(reachable === undefined ? {} : { reachable }),
      ...(given === undefined
        ? {}
        : { given: { nodes: given.members.map(nameOf), primaryNumber: given.primaryNumber } }),
    },
  };
}

/** As long as a node could not be fenced, that stands at the top with what to do: however old the event is, and while it is tried again. */
function failedFences(status: ClusterStatus): string[] {
  return status.nodes.flatMap(({ name, state }) => {
    const last = status.fencingHistory.findLast((record) => record.target === name && record.state !== "pending");
    if (state !== "unclean" || last?.state !== "failed") return [];
    return [
      `${name} could not be fenced (${last.text ?? "no reason was given"}), so what it may run is not started elsewhere. Repair the fence device, or switch ${name} off and say so with "systole fence confirm ${name}".`,
    ];
  });
}

/** What is under way is told by the services; a plugin that does not come back is told by the host. */
function hanging(call: StatusReport["inFlight"][number]): InFlight {
  const what = `${call.verb} of ${call.subject} is overdue: the plugin ${call.plugin} hangs`;
  return { what, sinceMs: call.ageMs };
}

/** While one link carries on, nothing else shows that another is lost; the second loss would be a failure. */
function lostLinks(report: StatusReport, peer: StatusReport["transport"]["peers"][number]): string[] {
  const upMs = report.epochMs - report.node.startedEpochMs;
  const silences = peer.links.map((link) => link.silenceMs ?? upMs);
  const freshestMs = Math.min(...silences);
  return peer.links.flatMap((link, index) => {
    const silenceMs = silences[index] ?? 0;
    if (silenceMs - freshestMs < LOST_LINK_MS) return [];
    const since = link.silenceMs === undefined ? "yet" : `for ${Math.round(silenceMs / 1_000)} s`;
    return [
      `Nothing was heard of ${peer.name} from ${link.address} ${since}, so only the other link holds. Look at cable, interface and firewall of that network.`,
    ];
  });
}

/** As long as it is so, however old the event is. What the recipients of alerts say of their plugin is not said again. */
function pluginProblems({ node, plugins, alertProblems = [] }: StatusReport): string[] {
  const toldAlready = (problem = ""): boolean => problem !== "" && alertProblems.some((one) => one.includes(problem));
  const refused = plugins.used.filter(({ state, problem }) => state === "refused" && !toldAlready(problem));
  const names = refused.map(({ plugin }) => plugin).join(", ");
  if (plugins.confinement === "refused") {
    const without = refused.length === 0 ? "" : ` ${names} cannot be used here.`;
    return [
      `${node.name} starts no plugin: ${plugins.held}.${without} Install Systole with its optional package deno, or take requireSandbox out of the node's configuration.`,
    ];
  }
  const problems = refused.map(({ plugin, problem }) => `${plugin} cannot be used on ${node.name}: ${problem ?? ""}`);
  if (plugins.confinement === "sandboxed") return problems;
  const open = `Plugins are not sandboxed on ${node.name}: without a Deno for this platform they run in ${plugins.held}, which holds little or nothing back. Install Systole with its optional package deno, or set "sandbox": { "requireSandbox": true } to run none.`;
  return [open, ...problems];
}

function problemsOf(report: StatusReport): string[] {
  const problems: string[] = [];
  if (report.standing === undefined) problems.push("This node has not agreed with any other on who is here yet.");
  if (report.heldSinceMs !== undefined) {
    problems.push(
      "This node's clock has jumped (it was suspended or stopped), so it does nothing until the others confirm it.",
    );
  }
  if (report.stopping) problems.push("This node is stopping.");
  problems.push(...(report.alertProblems ?? []));
  for (const peer of report.transport.peers) {
    if (peer.lastDrop !== undefined) problems.push(`From ${peer.name}: ${peer.lastDrop}`);
    problems.push(...lostLinks(report, peer));
  }
  return problems;
}
