// The cluster on a screen: who is in, quorum, what runs where, what failed, what just happened. Lines of text from data;
// `status`, `status --watch` and the live view of the demo draw the same ones.

import type {
  Activity,
  ClusterStatus,
  FailedOperation,
  FencingRecord,
  NodeStatus,
  ResourceStatus,
} from "../../model/status/schema.ts";
import { clockTime, columns, line, type RenderOptions, type Span, span, type Tone, wrap } from "./text.ts";

export type { RenderOptions } from "./text.ts";

/** How many recent events, failures and fencings are drawn; the JSON has all. */
const MAX_EVENTS = 8;
const MAX_FAILURES = 12;
const MAX_FENCINGS = 5;

interface Glyphs {
  readonly good: string;
  readonly idle: string;
  readonly bad: string;
  readonly busy: string;
  readonly open: string;
}

const UNICODE: Glyphs = { good: "●", idle: "○", bad: "✖", busy: "◐", open: "▾" };
const ASCII: Glyphs = { good: "*", idle: "-", bad: "X", busy: "~", open: "+" };

/** Draws the status; each returned line fits `options.width` columns. */
export function renderStatus(status: ClusterStatus, options: RenderOptions): string[] {
  return [
    ...renderHeader(status, options),
    "",
    ...renderNodes(status, options),
    "",
    ...renderResources(status, options),
    ...section(renderFailures(status, options)),
    ...section(renderFencing(status, options)),
    ...section(renderInFlight(status, options)),
    ...section(renderProblems(status, options)),
    ...section(renderEvents(status, options)),
  ];
}

function section(lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", ...lines];
}

function glyphs(options: RenderOptions): Glyphs {
  return options.unicode ? UNICODE : ASCII;
}

function separator(options: RenderOptions): Span {
  return span(options.unicode ? "  ·  " : "  |  ", "dim");
}

/** The first lines: cluster, quorum and its reason, coordinator, and what is out of the ordinary for the whole cluster. */
function renderHeader(status: ClusterStatus, options: RenderOptions): string[] {
  const { quorum } = status;
  const votes = `${quorum.votes} of ${quorum.expectedVotes} votes`;
  const standing: Span = !quorum.quorate
    ? span(`NO QUORUM (${votes})`, "bad")
    : quorum.primary
      ? span(`quorum (${votes})`, "good")
      : span(`quorum (${votes}), not primary`, "warn");
  const first = [
    span(status.cluster === "" ? "Cluster" : `Cluster ${status.cluster}`, "bold"),
    separator(options),
    standing,
    separator(options),
    span(status.coordinator === undefined ? "no coordinator yet" : `coordinator ${status.coordinator}`),
  ];
  const lines = [line(first, options)];
  if (!quorum.quorate || !quorum.primary || !quorum.established)
    lines.push(...wrap(quorum.reason, "  ", options, "warn"));
  if (status.maintenance) {
    lines.push(...wrap("Maintenance mode: nothing is started, stopped or monitored.", "  ", options, "warn"));
  }
  if (!status.fencing.enabled) {
    lines.push(...wrap("Fencing is disabled: a node that cannot be reached is taken as gone.", "  ", options, "warn"));
  } else if (status.fencing.devices === 0) {
    lines.push(
      ...wrap("Fencing is enabled, but there is no fence device: nothing can be started.", "  ", options, "bad"),
    );
  }
  if (quorum.arbiter !== undefined) lines.push(...renderArbiter(quorum.arbiter, options));
  if (quorum.acceptsLoss) {
    lines.push(...wrap("acceptLoss is set: acknowledged changes may be lost.", "  ", options, "warn"));
  }
  return lines;
}

function renderArbiter(
  { text, given, reachable, votes }: NonNullable<ClusterStatus["quorum"]["arbiter"]>,
  options: RenderOptions,
): string[] {
  const last =
    given === undefined ? "" : `; last given to ${given.nodes.join(", ")}, in primary view ${given.primaryNumber}`;
  const words = `${text.charAt(0).toUpperCase()}${text.slice(1)}${last}.`.replace(/\.\.$/, ".");
  return wrap(words, "  ", options, votes && reachable !== false ? "dim" : "warn");
}

/** One line a node. */
function renderNodes(status: ClusterStatus, options: RenderOptions): string[] {
  const rows = status.nodes.map((node): Span[] => {
    const look = nodeLook(node, options);
    return [
      span(`  ${look.glyph} ${node.name}`, look.tone),
      span(look.text, look.tone),
      span(node.running === 0 ? "" : `${node.running} running`, "dim"),
    ];
  });
  return [line([span("Nodes", "bold")], options), ...columns(rows, "   ", options)];
}

function nodeLook(node: NodeStatus, options: RenderOptions): { glyph: string; tone: Tone; text: string } {
  const marks = glyphs(options);
  const extras = [
    node.coordinator ? "coordinator" : "",
    node.local ? "answering" : "",
    node.standby ? "standby" : "",
    node.maintenance ? "maintenance" : "",
    node.kind === "member" ? "" : node.kind,
  ].filter((word) => word !== "");
  const because = node.reason === undefined ? "" : ` because ${node.reason}`;
  const words = (state: string): string => [state, ...extras].join(", ") + because;
  switch (node.state) {
    case "online":
      return { glyph: marks.good, tone: node.standby || node.maintenance ? "warn" : "good", text: words("online") };
    case "pending":
      return { glyph: marks.busy, tone: "warn", text: words("joining") };
    case "shutting-down":
      return { glyph: marks.busy, tone: "warn", text: words("shutting down") };
    case "offline":
      return { glyph: marks.idle, tone: "dim", text: words("offline") };
    case "unclean":
      return { glyph: marks.bad, tone: "bad", text: words("UNCLEAN") };
  }
}

/** The tree of resources. */
export function renderResources(status: ClusterStatus, options: RenderOptions): string[] {
  const rows = status.resources.flatMap((resource) => resourceRows(resource, 1, options));
  if (rows.length === 0) rows.push([span("  none configured", "dim")]);
  return [line([span("Resources", "bold")], options), ...columns(rows, "   ", options)];
}

function resourceRows(resource: ResourceStatus, depth: number, options: RenderOptions): Span[][] {
  const marks = glyphs(options);
  const indent = "  ".repeat(depth);
  const flags = resourceFlags(resource);
  if (resource.kind === "primitive") {
    const running = resource.activities.some((activity) => activity.role !== "Stopped");
    const glyph = resource.failed ? marks.bad : running ? marks.good : marks.idle;
    const tone: Tone = resource.failed ? "bad" : running ? "good" : resource.disabled ? "dim" : "warn";
    return [
      [
        span(`${indent}${glyph} ${resource.id}`, tone),
        span(resource.agent ?? "", "dim"),
        span(whereText(resource.activities) + flags, tone === "good" ? "plain" : tone),
      ],
    ];
  }
  const own = resource.activities.length === 0 ? "" : whereText(resource.activities);
  return [
    [
      span(`${indent}${marks.open} ${resource.id}`, resource.failed ? "bad" : "plain"),
      span(kindText(resource.kind), "dim"),
      span(own + flags, "warn"),
    ],
    ...resource.members.flatMap((member) => resourceRows(member, depth + 1, options)),
  ];
}

function kindText(kind: ResourceStatus["kind"]): string {
  return kind === "promotable" ? "promotable clone" : kind;
}

function resourceFlags(resource: ResourceStatus): string {
  const flags = [
    resource.disabled ? "disabled" : "",
    resource.maintenance ? "maintenance" : resource.managed ? "" : "unmanaged",
    resource.orphan ? "orphan: no longer configured" : "",
    resource.activities.some((activity) => activity.blocked) ? "blocked" : "",
  ].filter((flag) => flag !== "");
  return flags.length === 0 ? "" : ` (${flags.join(", ")})`;
}

/** `Promoted node1; Unpromoted node2 node3`, with what is under way and what failed. */
function whereText(activities: readonly Activity[]): string {
  const byRole = new Map<string, string[]>();
  for (const activity of activities) {
    const role = activity.failed ? "FAILED" : (activity.pending ?? activity.role);
    if (role === "Stopped") continue;
    const nodes = byRole.get(role) ?? [];
    nodes.push(activity.instance === undefined ? activity.node : `${activity.node} [${activity.instance}]`);
    byRole.set(role, nodes);
  }
  if (byRole.size === 0) return "Stopped";
  const order = ["Promoted", "Started", "Unpromoted"];
  const rank = (role: string): number => (order.includes(role) ? order.indexOf(role) : order.length);
  return [...byRole]
    .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
    .map(([role, nodes]) => `${role} ${nodes.join(" ")}`)
    .join("; ");
}

function renderFailures(status: ClusterStatus, options: RenderOptions): string[] {
  const lines: string[] = [];
  for (const same of sameFailures(status.failedOperations).slice(0, MAX_FAILURES)) {
    lines.push(...wrap(failedOperationText(same), "  ", options, "bad"));
  }
  for (const failure of status.failures.slice(0, MAX_FAILURES)) {
    const count =
      failure.count >= 1_000_000 ? "too often to stay there" : `${failure.count} time${failure.count === 1 ? "" : "s"}`;
    const limit = failure.threshold === undefined ? "" : `, moves away at ${failure.threshold}`;
    const next = `"systole resource cleanup ${failure.resource}" forgets it`;
    lines.push(
      ...wrap(`${failure.resource} failed on ${failure.node} ${count}${limit}; ${next}`, "  ", options, "warn"),
    );
  }
  return lines.length === 0 ? [] : [line([span("Failures", "bold")], options), ...lines];
}

/** One operation of one resource that failed, with the same words, on at least one node. */
type SameFailure = readonly [FailedOperation, ...FailedOperation[]];

/** What is wrong everywhere (an agent that is not installed) is told once and not once a node. */
function sameFailures(operations: readonly FailedOperation[]): SameFailure[] {
  const groups = new Map<string, [FailedOperation, ...FailedOperation[]]>();
  for (const operation of operations) {
    const { resource, operation: name, intervalMs, rc, result, reason } = operation;
    const key = JSON.stringify([resource, name, intervalMs, rc, result, reason]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [operation]);
    else group.push(operation);
  }
  return [...groups.values()];
}

/** "web: monitor (every 1 s) on node1, node2: not running (7), last at 12:00:01, because ..." */
function failedOperationText(same: SameFailure): string {
  const [operation] = same;
  const nodes = [...new Set(same.map(({ node }) => node))].sort().join(", ");
  const times = [...new Set(same.flatMap(({ epochSeconds }) => epochSeconds ?? []))].sort((a, b) => b - a);
  const every = operation.intervalMs > 0 ? ` (every ${operation.intervalMs / 1000} s)` : "";
  const [last] = times;
  const when = last === undefined ? "" : `${times.length === 1 ? "" : ", last"} at ${clockTime(last * 1000)}`;
  const because = operation.reason === "" ? "" : `, because ${operation.reason}`;
  return `${operation.resource}: ${operation.operation}${every} on ${nodes}: ${operation.result} (${operation.rc})${when}${because}`;
}

function renderFencing(status: ClusterStatus, options: RenderOptions): string[] {
  const recent = status.fencingHistory.slice(-MAX_FENCINGS);
  if (recent.length === 0) return [];
  const tone = { pending: "warn", done: "plain", failed: "bad" } as const;
  return [
    line([span("Fencing", "bold")], options),
    ...recent.flatMap((record) => wrap(fencingText(record), "  ", options, tone[record.state])),
  ];
}

/** "12:00:01 node3 is confirmed off (p3, by node1, 812 ms)" */
function fencingText(record: FencingRecord): string {
  const what = {
    pending: `${record.target}: ${record.action} under way`,
    done: `${record.target}: ${record.action} confirmed`,
    failed: `${record.target}: ${record.action} FAILED`,
  }[record.state];
  const details = [
    record.device ?? "",
    record.by === undefined ? "" : `by ${record.by}`,
    record.durationMs === undefined ? "" : `${Math.round(record.durationMs)} ms`,
  ].filter((detail) => detail !== "");
  const tail = details.length === 0 ? "" : ` (${details.join(", ")})`;
  return `${clockTime(record.epochMs)} ${what}${tail}${record.text === undefined ? "" : `: ${record.text}`}`;
}

function renderInFlight(status: ClusterStatus, options: RenderOptions): string[] {
  const { transition, inFlight } = status;
  const lines: string[] = [];
  if (transition !== undefined) {
    const because = transition.reason === "" ? "" : ` because ${transition.reason.replace(/\.$/, "")}`;
    const text = `transition ${transition.number}, ${transition.confirmed} of ${transition.actions} actions done${because}`;
    lines.push(...wrap(text, "  ", options));
  }
  for (const { what, sinceMs } of inFlight) {
    lines.push(line([span(`  ${what}, for ${(sinceMs / 1000).toFixed(1)} s`)], options));
  }
  return lines.length === 0 ? [] : [line([span("Under way", "bold")], options), ...lines];
}

function renderProblems(status: ClusterStatus, options: RenderOptions): string[] {
  if (status.problems.length === 0) return [];
  return [
    line([span("Problems", "bold")], options),
    ...status.problems.flatMap((problem) => wrap(problem, "  ", options, "warn")),
  ];
}

function renderEvents(status: ClusterStatus, options: RenderOptions): string[] {
  const recent = status.events.slice(-MAX_EVENTS);
  if (recent.length === 0) return [];
  const tone = { info: "plain", warning: "warn", error: "bad" } as const;
  return [
    line([span("Recent", "bold")], options),
    ...recent.map((event) =>
      line([span(`  ${clockTime(event.epochMs)} `, "dim"), span(event.text, tone[event.severity])], options),
    ),
  ];
}
