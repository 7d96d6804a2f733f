// Random clusters with everything that a configuration can say, as lines of the golden cases (golden/scheduler/cib-text.ts),
// so that a failing one can be read, and kept. What happened to them is drawn too; history.ts makes a status of it.

import fc from "fast-check";
import { randomConstraint } from "./random-constraints.ts";
import { type ResourceBlock, randomBlock } from "./random-resources.ts";

const MAX_NODES = 5;
const MAX_BLOCKS = 6;
const MAX_CONSTRAINTS = 6;
const MAX_ROUNDS = 5;

/** What befalls a cluster before one of its rounds. */
export interface Event {
  readonly kind:
    | "nothing"
    | "down"
    | "unclean"
    | "up"
    | "shutdown"
    | "pending"
    | "score"
    | "attribute"
    | "ticket"
    | "noise";
  /** Picks the node, the resource and the value. */
  readonly node: number;
  readonly resource: number;
  readonly value: number;
  /** Which actions of the round fail, and how: position in the graph, result. */
  readonly failures: readonly (readonly [number, number])[];
  readonly secondsLater: number;
}

/** A cluster, and what happened to it. */
export interface RandomCluster {
  readonly nodes: readonly string[];
  /** Ids of primitives. */
  readonly primitives: readonly string[];
  /** The configuration in which the history happened. */
  readonly before: readonly string[];
  /** The configuration of now. */
  readonly lines: readonly string[];
  readonly events: readonly Event[];
}

const PROPERTIES = [
  "no-quorum-policy=ignore",
  "no-quorum-policy=freeze",
  "no-quorum-policy=stop",
  "no-quorum-policy=demote",
  "no-quorum-policy=fence",
  "symmetric-cluster=false",
  "maintenance-mode=true",
  "stop-all-resources=true",
  "placement-strategy=utilization",
  "placement-strategy=minimal",
  "placement-strategy=balanced",
  "node-health-strategy=only-green",
  "node-health-strategy=migrate-on-red",
  "node-health-strategy=progressive node-health-base=10",
  "shutdown-lock=true",
  "shutdown-lock=true shutdown-lock-limit=30min",
  "start-failure-is-fatal=false",
  "stop-orphan-resources=false",
  "stop-removed-actions=false",
  "enable-startup-probes=false",
  "startup-fencing=false",
  "concurrent-fencing=false",
  "stonith-action=off",
  "priority-fencing-delay=15s",
  "fence-reaction=panic",
  "have-watchdog=true stonith-watchdog-timeout=10s",
  "cluster-delay=30s batch-limit=3 migration-limit=1",
  "node-pending-timeout=2h",
];

const FENCING: readonly (readonly string[])[] = [
  ["property stonith-enabled=false"],
  ["property fencing-enabled=false"],
  ["property stonith-enabled=false"],
  [],
  ["primitive power stonith:fence_dummy"],
  ["primitive power stonith:fence_dummy params pcmk_host_list=n1,n2 pcmk_delay_base=5s op monitor interval=60s"],
  ["primitive power stonith:fence_dummy provides=unfencing"],
  [
    "primitive power stonith:fence_dummy",
    "primitive power2 stonith:fence_dummy",
    "fencing n1 1 power,power2",
    "fencing /n[2-9]/ 1 power2",
    "fencing site=a 2 power",
  ],
];

const nodeWords = fc.constantFrom(
  "",
  "",
  "",
  "standby",
  "maintenance",
  "online site=a",
  "online site=b pingd=3",
  "online #health-disk=red",
  "online #health-cpu=yellow site=a",
  "online maintenance=true",
  "online utilization cpu=2 memory=100",
  "online utilization cpu=8 memory=64",
  "online site=b utilization cpu=4",
);

const DEFAULTS = [
  "resource-default resource-stickiness=100",
  "resource-default migration-threshold=2 failure-timeout=60s",
  "resource-default when resource type:Dummy priority=2",
  "resource-default allow-migrate=true",
  "operation-default timeout=33s",
  "operation-default record-pending=false on-fail=restart",
  "operation-default when operation name:monitor timeout=7s",
  "property when date gt 1970-01-12 no-quorum-policy=ignore",
  "property when date lt 1970-01-12T14:00:00Z maintenance-mode=true score=2000",
];

const event: fc.Arbitrary<Event> = fc.record({
  kind: fc.constantFrom(
    "nothing",
    "nothing",
    "down",
    "unclean",
    "up",
    "shutdown",
    "pending",
    "score",
    "score",
    "attribute",
    "ticket",
    "noise",
  ),
  node: fc.nat(20),
  resource: fc.nat(50),
  value: fc.nat(20),
  failures: fc.array(fc.tuple(fc.nat(60), fc.constantFrom(0, 1, 1, 5, 7, 8, 9, 193)), { maxLength: 2 }),
  secondsLater: fc.constantFrom(0, 0, 5, 70, 4000),
});

const subset = (texts: readonly string[], most: number) =>
  fc.uniqueArray(fc.nat(texts.length - 1), { maxLength: most }).map((picks) => picks.map((pick) => texts[pick] ?? ""));

/** Lines that speak of a resource that is not there any more go with it. */
function without(lines: readonly string[], block: ResourceBlock | undefined): string[] {
  if (block === undefined) return [...lines];
  const gone = new Set(block.ids);
  return lines.filter((line) => !line.split(/[\s"{}=]+/).some((word) => gone.has(word)));
}

interface Drawn {
  readonly nodeCount: number;
  readonly nodeLines: readonly string[];
  readonly properties: readonly string[];
  readonly defaults: readonly string[];
  readonly fencing: number;
  readonly blocks: readonly ((name: string) => ResourceBlock)[];
  readonly constraints: readonly ((blocks: readonly ResourceBlock[]) => string)[];
  readonly late: readonly number[];
  readonly removed: number;
  readonly events: readonly Event[];
}

function assemble(drawn: Drawn): RandomCluster {
  const nodes = Array.from({ length: drawn.nodeCount }, (_none, i) => `n${i + 1}`);
  const blocks = drawn.blocks.map((make, i) => make(`r${i}`));
  const constraints = drawn.constraints.map((make) => make(blocks)).filter((line) => line !== "");
  const fencing = FENCING[drawn.fencing] ?? [];
  const always = [
    ...nodes.map((name, i) => `node ${name} ${drawn.nodeLines[i] ?? ""}`),
    ...fencing,
    ...blocks.flatMap((block) => block.lines),
  ];
  // What may come later than the history that it then judges.
  const changeable = [
    ...drawn.properties.map((property) => `property ${property}`),
    ...drawn.defaults,
    ...blocks.flatMap((block) => block.changes),
    ...constraints,
  ];
  const late = new Set(drawn.late);
  const early = changeable.filter((_line, i) => !late.has(i));
  // A resource is gone only when nothing else is built on it.
  const removed = drawn.removed < blocks.length ? blocks[drawn.removed] : undefined;
  return {
    nodes,
    primitives: [...blocks.flatMap((block) => block.primitives)],
    before: [...always, ...early],
    lines: without([...always, ...changeable], removed),
    events: drawn.events,
  };
}

/** All kinds of clusters. */
export const randomCluster: fc.Arbitrary<RandomCluster> = fc
  .record({
    nodeCount: fc.integer({ min: 1, max: MAX_NODES }),
    nodeLines: fc.array(nodeWords, { minLength: MAX_NODES, maxLength: MAX_NODES }),
    properties: subset(PROPERTIES, 3),
    defaults: subset(DEFAULTS, 2),
    fencing: fc.nat(FENCING.length - 1),
    blocks: fc.array(randomBlock, { minLength: 1, maxLength: MAX_BLOCKS, size: "max" }),
    constraints: fc.array(randomConstraint, { maxLength: MAX_CONSTRAINTS, size: "max" }),
    late: fc.uniqueArray(fc.nat(15), { maxLength: 8, size: "max" }),
    removed: fc.nat(MAX_BLOCKS * 5),
    events: fc.array(event, { minLength: 1, maxLength: MAX_ROUNDS, size: "max" }),
  })
  .map(assemble);
