// The scheduler's working state: what one run knows and decides. Made from a CIB, thrown away with the plan.
//
// Everything is reached by reference or by a small integer (a node's index), never by searching for a name, because a
// run touches each pair of resource and node several times. Mutable on purpose: nothing of it leaves the run.

import type { Element } from "../../kernel/cib/element.ts";
import type { HealthColors } from "../../model/score.ts";
import type { Cause, GraphPrimitive } from "../transition.ts";
import type { Action, ActionList, OperationMeta } from "./action-state.ts";
import type { Recorder } from "./explain/recorder.ts";
import type { Attributes } from "./graph-attributes.ts";
import type { FailedOperation, HistoryResource, ParameterCheck } from "./history-state.ts";
import type { MultipleActive, NoQuorumPolicy, ProbeMode, Role, Variant } from "./kinds.ts";
import type { AssignmentLine, PlannedAction, Problem } from "./schedule.ts";

export type * from "./action-state.ts";
export type * from "./history-state.ts";
export * from "./kinds.ts";

/** Failures counted for a resource on a node, from the node's attributes. */
export interface FailureCount {
  readonly count: number;
  /** Epoch seconds, 0 when not recorded. */
  readonly lastFailure: number;
}

export interface Node {
  readonly index: number;
  readonly id: string;
  readonly name: string;
  readonly remoteKind: boolean;
  readonly attributes: Map<string, string>;
  readonly utilization: Map<string, string>;
  /** Score and probe mode that tables made from now on begin with. */
  baseScore: number;
  baseProbe: ProbeMode;
  online: boolean;
  unclean: boolean;
  shutdown: boolean;
  pending: boolean;
  maintenance: boolean;
  standby: boolean;
  failStandby: boolean;
  seen: boolean;
  expectedUp: boolean;
  probesAllowed: boolean;
  remoteReset: boolean;
  remoteFenced: boolean;
  remoteMaintenance: boolean;
  unpacked: boolean;
  /** The connection, when this is a remote or guest node. */
  remote: Resource | undefined;
  readonly running: Resource[];
  /** How many resources are assigned here, and which. */
  assignedCount: number;
  /** Sum of the priorities of what is active here (priority-fencing-delay). */
  priority: number;
  history: HistoryResource[];
  historyById: Map<string, HistoryResource[]> | undefined;
  failures: ReadonlyMap<string, FailureCount> | undefined;
  anonymousFailures: ReadonlyMap<string, FailureCount> | undefined;
  readonly digests: Map<string, OperationDigests>;
}

/** Which nodes something may be on, and how much it wants to. Arrays by node index. */
export interface NodeTable {
  /** ABSENT where the node is not in the table. */
  scores: number[];
  probes: ProbeMode[];
  /** Instances already placed there. */
  counts: number[];
}

/** Digests of an operation's parameters, and what they say compared with the history. */
export interface OperationDigests {
  /** Each is calculated when it is asked for, because most have nothing to be compared with. */
  parameters(): ReadonlyMap<string, string>;
  all(): string;
  secure(): string | undefined;
  restart(): string | undefined;
  verdict: "match" | "mismatch" | "restart" | "unknown";
}

/** A configured operation (op). */
export interface OperationConfig {
  readonly element: Element;
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly intervalMs: number;
  readonly role: string | undefined;
  readonly enabled: boolean;
}

export interface CloneData {
  cloneMax: number;
  cloneNodeMax: number;
  promotedMax: number;
  promotedNodeMax: number;
  total: number;
  ordered: boolean;
  readonly template: Element;
  promotionScoresAdded: boolean;
  promotionConstrained: boolean;
  notify: Partial<Record<"start" | "stop" | "promote" | "demote", NotifyData>>;
}

export interface GroupData {
  readonly ordered: boolean;
  readonly colocated: boolean;
}

/** One replica of a bundle. */
export interface Replica {
  readonly offset: number;
  readonly address: string | undefined;
  readonly child: Resource | undefined;
  container: Resource;
  ip: Resource | undefined;
  remote: Resource | undefined;
  node: Node | undefined;
}

export interface BundleData {
  readonly replicasPerHost: number;
  readonly replicaCount: number;
  readonly child: Resource | undefined;
  readonly replicas: Replica[];
}

/** Pseudo actions around the notifications of one kind, and what the notifications carry. */
export interface NotifyData {
  readonly operation: string;
  pre: Action | undefined;
  preDone: Action | undefined;
  post: Action | undefined;
  postDone: Action | undefined;
  keys: [string, string][];
  stop: NotifyEntry[];
  start: NotifyEntry[];
  demote: NotifyEntry[];
  promote: NotifyEntry[];
  active: NotifyEntry[];
  inactive: NotifyEntry[];
  promoted: NotifyEntry[];
  unpromoted: NotifyEntry[];
  allowed: NodeTable | undefined;
}

export interface NotifyEntry {
  readonly resource: Resource;
  readonly node: Node | undefined;
}

export interface Resource {
  readonly cluster: Cluster;
  /** With `:N` for instances of clones. */
  readonly id: string;
  /** Id in the configuration, without the instance's number. */
  readonly configId: string;
  /** Order of creation. */
  readonly serial: number;
  readonly variant: Variant;
  readonly methods: Methods;
  /** With what its template says. */
  readonly config: Element;
  readonly resourceClass: string | undefined;
  readonly provider: string | undefined;
  readonly type: string | undefined;
  readonly operations: readonly OperationConfig[];
  readonly operationMetas: OperationMeta[];
  readonly parent: Resource | undefined;
  children: Resource[];
  readonly meta: Map<string, string>;
  utilization: Map<string, string>;
  /** Parameters, where they do not depend on the node. */
  parameters: ReadonlyMap<string, string> | undefined;
  /** Parameters by node, where they do (rules). */
  parametersByNode: Map<Node | undefined, ReadonlyMap<string, string>> | undefined;

  managed: boolean;
  blocked: boolean;
  removed: boolean;
  removedLaunched: boolean;
  unique: boolean;
  notify: boolean;
  fenceDevice: boolean;
  critical: boolean;
  promotable: boolean;
  migratable: boolean;
  maintenance: boolean;
  remoteConnection: boolean;
  nestingAllowed: boolean;
  replicaContainer: boolean;
  exclusiveProbes: boolean;
  needsQuorum: boolean;
  needsFencing: boolean;
  needsUnfencing: boolean;
  ignoreFailure: boolean;
  failed: boolean;
  stopIfFailed: boolean;
  stopUnexpected: boolean;
  startPending: boolean;
  reload: boolean;
  restarting: boolean;
  unassigned: boolean;
  assigning: boolean;
  updatingNodes: boolean;

  priority: number;
  promotionPriority: number;
  stickiness: number;
  banAfterFailures: number;
  failureExpirationMs: number;
  remoteReconnectMs: number;
  multipleActive: MultipleActive;
  /** Where it is in the list of all resources, to find the first of several with a name. */
  position: number;

  role: Role;
  nextRole: Role;
  /** Key under which the history has it, where that differs from the id. */
  historyId: string | undefined;
  activeNodes: Node[];
  assigned: Node | undefined;
  /** Score of the assigned node in the table at the moment of assigning. */
  assignedScore: number;
  allowed: NodeTable;
  probed: Uint8Array | undefined;
  probedCount: number;
  pendingAction: string | undefined;
  pendingNode: Node | undefined;
  partialMigrationSource: Node | undefined;
  partialMigrationTarget: Node | undefined;
  danglingMigrationSources: Node[];
  lockNode: Node | undefined;
  lockTime: number;
  launcher: Resource | undefined;
  launched: Resource[];

  /** Newest last. */
  actions: Action[];
  /** Orders of its probes before its start, where one note holds them all. */
  probeOrdering: Ordering | undefined;
  /** The same by key and interval. */
  readonly actionLists: ActionList[];
  thisWith: Colocation[];
  withThis: Colocation[];
  locations: Location[];
  tickets: TicketConstraint[];
  clone: CloneData | undefined;
  group: GroupData | undefined;
  bundle: BundleData | undefined;
  causes: Cause[];
  /** How the executor knows it. */
  exported: GraphPrimitive | undefined;
}

/** What the four kinds of resources do differently. Called through the resource, so that the files need not know each other. */
export interface Methods {
  assign(resource: Resource, prefer: Node | undefined, stopIfFail: boolean): Node | undefined;
  createActions(resource: Resource): void;
  createProbe(resource: Resource, node: Node): boolean;
  internalConstraints(resource: Resource): void;
  applyColocation(dependent: Resource, primary: Resource, colocation: Colocation, forDependent: boolean): number;
  colocated(resource: Resource, origin: Resource | undefined, list: Resource[]): Resource[];
  withThisColocations(resource: Resource, origin: Resource, list: Colocation[]): void;
  thisWithColocations(resource: Resource, origin: Resource, list: Colocation[]): void;
  addColocatedScores(
    source: Resource,
    target: Resource | undefined,
    nodes: NodeTable | undefined,
    colocation: Colocation | undefined,
    factor: number,
    options: ScoreOptions,
  ): NodeTable | undefined;
  applyLocation(resource: Resource, location: Location): void;
  actionFlags(action: Action, node: Node | undefined): number;
  updateOrdered(
    first: Action,
    then: Action,
    node: Node | undefined,
    flags: number,
    filter: number,
    type: number,
  ): number;
  addToGraph(resource: Resource): void;
  graphMeta(resource: Resource, attributes: Attributes): void;
  addUtilization(resource: Resource, origin: Resource, all: readonly Resource[], sum: Map<string, string>): void;
  shutdownLock(resource: Resource): void;
  /** Something of it runs (or with `all`, all of it). */
  active(resource: Resource, all: boolean): boolean;
  state(resource: Resource, current: boolean): Role;
  activeNode(resource: Resource): ActiveNode;
  maxPerNode(resource: Resource): number;
}

/** How scores of colocated resources are gathered. */
export interface ScoreOptions {
  readonly thisWith: boolean;
  readonly active: boolean;
  readonly nonnegative: boolean;
}

/** The node where a resource counts as active, and on how many it is. */
export interface ActiveNode {
  readonly node: Node | undefined;
  readonly all: number;
  readonly clean: number;
}

/** An order between operations, to be applied when all actions are known. */
export interface Ordering {
  readonly firstResource: Resource | undefined;
  readonly firstKey: string | undefined;
  readonly firstAction: Action | undefined;
  /** Further actions, newer than the first one, of which the same was said right after. */
  alike: Action[] | undefined;
  readonly thenResource: Resource | undefined;
  readonly thenKey: string | undefined;
  readonly thenAction: Action | undefined;
  flags: number;
}

export interface Colocation {
  readonly id: string;
  readonly dependent: Resource;
  readonly primary: Resource;
  readonly score: number;
  readonly dependentRole: Role;
  readonly primaryRole: Role;
  readonly attribute: string;
  readonly influence: boolean;
  /** Written in the configuration, not made by a group or bundle. */
  readonly explicit: boolean;
}

export interface Location {
  readonly id: string;
  readonly resource: Resource;
  readonly role: Role;
  readonly probe: ProbeMode;
  nodes: readonly { readonly node: Node; readonly score: number }[];
}

export interface Ticket {
  readonly id: string;
  granted: boolean;
  standby: boolean;
  lastGranted: number;
}

export interface TicketConstraint {
  readonly id: string | undefined;
  readonly ticket: Ticket;
  readonly role: Role;
  readonly lossPolicy: "stop" | "demote" | "fence" | "freeze";
}

/** Cluster properties, read once. */
export interface Properties {
  readonly values: ReadonlyMap<string, string>;
  readonly startupProbes: boolean;
  readonly fencingEnabled: boolean;
  readonly fencingAction: string;
  readonly fencingTimeout: string;
  readonly concurrentFencing: boolean;
  readonly priorityFencingMs: number;
  readonly stopAll: boolean;
  readonly symmetric: boolean;
  readonly noQuorumPolicy: NoQuorumPolicy;
  readonly stopRemoved: boolean;
  readonly cancelRemoved: boolean;
  readonly maintenance: boolean;
  readonly startFailureFatal: boolean;
  readonly startupFencing: boolean;
  readonly placement: string;
  readonly shutdownLock: boolean;
  readonly shutdownLockMs: number;
  readonly nodePendingMs: number;
  readonly fenceRemoteWithoutQuorum: boolean;
  readonly healthStrategy: string;
  readonly healthBase: number;
  readonly colors: HealthColors;
  readonly clusterDelay: string;
  readonly batchLimit: string;
  readonly migrationLimit: string;
  readonly clusterName: string | undefined;
}

export interface Cluster {
  readonly cib: Element;
  readonly now: number;
  readonly zoneMinutes: number;
  readonly md5Hex: (text: string) => string;
  readonly secretsRemoved: boolean;
  readonly featureSet: string | undefined;
  readonly variants: readonly [Methods, Methods, Methods, Methods];
  readonly properties: Properties;
  readonly quorate: boolean;
  /** There is something that could fence. */
  haveFencing: boolean;
  haveRemoteNodes: boolean;
  /** Something in <resources> borrows by id-ref. */
  readonly hasReferences: boolean;
  readonly unfencing: boolean;
  /** By index. */
  readonly nodes: Node[];
  /** By name; numbers in names as numbers. */
  sortedNodes: Node[];
  readonly nodeByName: Map<string, Node>;
  readonly nodeById: Map<string, Node>;
  coordinator: Node | undefined;
  /** Top resources, highest priority first. */
  resources: Resource[];
  readonly resourcesById: Map<string, Resource[]>;
  readonly resourcesByHistoryId: Map<string, Resource[]>;
  nextSerial: number;
  /** Template or tag id -> ids of what refers to it. */
  readonly templates: Map<string, string[]>;
  readonly tags: Map<string, string[]>;
  readonly tickets: Map<string, Ticket>;
  readonly resolve: (element: Element) => Element | undefined;
  /** A rule says at what second (since the epoch) it will hold or no longer hold. */
  readonly changesAt: (epochSeconds: number) => void;
  /** Names of meta attributes as the graph has them; "" for those that it does not have. */
  readonly metaNames: Map<string, string>;
  /** Where those of one action are collected, one after the other. */
  readonly graphAttributes: Attributes;
  readonly resourceDefaults: Element | undefined;
  readonly operationDefaults: Element | undefined;

  /** Newest last. */
  readonly actions: Action[];
  readonly singletons: Map<string, Action>;
  nextActionId: number;
  readonly orderings: Ordering[];
  /** Newest last. */
  readonly locations: Location[];
  readonly parameterChecks: ParameterCheck[];
  readonly stopNeeded: Resource[];
  readonly failed: FailedOperation[];
  recheckAt: number;
  /** The same as it was known before the graph was made: what Pacemaker writes into the graph. */
  announcedRecheckAt: number;
  readonly problems: Problem[];
  /** For scores and for capacities, where they are asked for: the same list, so that the lines stand in order. */
  readonly scores: AssignmentLine[] | undefined;
  readonly capacities: AssignmentLine[] | undefined;
  /** Takes note of reasons, for those who ask for them. */
  readonly explain: Recorder | undefined;
  /** Remarks for people who watch: those of reading go before the state, those of planning before the plan. */
  readonly notices: string[];
  graphed: Action[];
  summary: readonly PlannedAction[];
  /** How deep news of changed actions travels at the moment. */
  updateDepth: number;
  /** Counts changes of actions: what was found out about actions holds while this number stays. */
  actionChanges: number;
}
