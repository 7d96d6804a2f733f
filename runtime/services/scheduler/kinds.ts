// The small enumerations of the scheduler: roles, kinds of resources, what actions and orders are (as bits).

/** What a resource is or shall be on a node; ordered, so that "more" means more active. */
export const Role = { Unknown: 0, Stopped: 1, Started: 2, Unpromoted: 3, Promoted: 4 } as const;
export type Role = (typeof Role)[keyof typeof Role];

/** Kinds of resources; ordered, a kind can contain those before it. */
export const Variant = { Primitive: 0, Group: 1, Clone: 2, Bundle: 3 } as const;
export type Variant = (typeof Variant)[keyof typeof Variant];

/** Whether a resource may be probed on a node; ordered, the greatest that any constraint says wins. */
export const ProbeMode = { Always: 0, Never: 1, Exclusive: 2 } as const;
export type ProbeMode = (typeof ProbeMode)[keyof typeof ProbeMode];

/** What to do when an operation failed; ordered, the gravest of several failures wins. */
export const OnFail = {
  Ignore: 0,
  Demote: 1,
  Restart: 2,
  ResetRemote: 3,
  RestartContainer: 4,
  Ban: 5,
  Block: 6,
  Stop: 7,
  Standby: 8,
  Fence: 9,
} as const;
export type OnFail = (typeof OnFail)[keyof typeof OnFail];

/** What must be so before a resource is started or promoted. */
export const Needs = { Nothing: 0, Quorum: 1, Fencing: 2 } as const;
export type Needs = (typeof Needs)[keyof typeof Needs];

export type NoQuorumPolicy = "stop" | "freeze" | "ignore" | "demote" | "fence";
export type MultipleActive = "stop_start" | "stop_only" | "block" | "stop_unexpected";

/** State of an action, as bits. */
export const Flag = {
  Optional: 1 << 0,
  Runnable: 1 << 1,
  /** Needs nothing done: only orders others. */
  Pseudo: 1 << 2,
  /** May be replaced by a live migration. */
  Migratable: 1 << 3,
  AlwaysInGraph: 1 << 4,
  Reschedule: 1 << 5,
  MigrationAbort: 1 << 6,
  InGraph: 1 << 7,
  InputsMerged: 1 << 8,
  /** Done by the coordinator, whatever the node is like. */
  OnCoordinator: 1 << 9,
  Visited: 1 << 10,
  AttributesEvaluated: 1 << 11,
  /** Comes before everything that does not wait for it. */
  Urgent: 1 << 12,
} as const;

/** What an ordering of two actions means, as bits. */
export const Order = {
  None: 0,
  /** Only the order, if both happen. */
  Ordered: 1 << 0,
  IfFirstUnmigratable: 1 << 1,
  /** The later one happening makes the earlier one happen. */
  ThenImpliesFirst: 1 << 2,
  /** The earlier one happening makes the later one happen. */
  FirstImpliesThen: 1 << 3,
  PromotedThenImpliesFirst: 1 << 4,
  UnmigratableThenBlocks: 1 << 5,
  UnrunnableFirstBlocks: 1 << 6,
  FirstElseThen: 1 << 7,
  FirstImpliesSameNodeThen: 1 << 8,
  NestedRemoteProbe: 1 << 9,
  /** A stop between two starts of the same resource. */
  IntermediateStop: 1 << 10,
  Serialize: 1 << 11,
  IfOnSameNode: 1 << 12,
  ThenImpliesFirstGraphed: 1 << 13,
  FirstImpliesThenGraphed: 1 << 14,
  Asymmetric: 1 << 15,
  IfOnSameNodeOrTarget: 1 << 16,
  MinRunnable: 1 << 17,
  IfRequiredOnSameNode: 1 << 18,
  GuestAllowed: 1 << 19,
  ThenCancelsFirst: 1 << 20,
} as const;
