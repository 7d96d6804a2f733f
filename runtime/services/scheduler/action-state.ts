// Actions while they are planned: what they share, what each has of its own, and the orders between them.

import type { Needs } from "./kinds.ts";
import type { Cluster, Node, OperationConfig, Resource } from "./state.ts";

/** Meta attributes of an operation, complete with defaults. */
export interface OperationMeta {
  readonly name: string;
  readonly intervalMs: number;
  readonly config: OperationConfig | undefined;
  /** As in ActionKind. */
  readonly node: Node | undefined;
  readonly meta: ActionMeta;
}

/** Meta attributes by name. */
export type ActionMeta = ReadonlyMap<string, string>;

/** What all actions of one operation of a resource have in common, made once, so that each of them costs little. */
export interface ActionKind {
  readonly task: string;
  /** The node, where the configuration of the operation can differ from node to node (fence devices). */
  readonly node: Node | undefined;
  /** RESOURCE_KEY_INTERVAL. */
  readonly uuid: string;
  readonly operation: OperationConfig | undefined;
  /** What the configuration comes to. */
  readonly meta: ActionMeta;
  readonly needs: Needs;
  /** Parameters and meta attributes as the graph has them, by what an action adds of its own. */
  exported: ExportedAttributes[] | undefined;
}

/** Attributes in the graph of those actions of a kind that add the same of their own. */
export interface ExportedAttributes {
  readonly own: ActionMeta | undefined;
  readonly attributes: Readonly<Record<string, string>>;
}

/** The actions of a resource that have the same key and interval. */
export interface ActionList {
  readonly key: string;
  readonly intervalMs: number;
  /** Newest last. */
  readonly actions: Action[];
  readonly kinds: ActionKind[];
}

/** An order of two actions: one record in the lists of both. The lists are chained, the newest order first. */
export interface Relation {
  readonly first: Action;
  readonly then: Action;
  /** The order as it was made. */
  readonly made: number;
  /** What is left of it. */
  flags: number;
  graphed: boolean;
  /** The next older order in `then.before`. */
  readonly olderBefore: Relation | undefined;
  /** The next older order in `first.after`. */
  readonly olderAfter: Relation | undefined;
  /** What follows in `then.before` from here on that matters for the sequence alone, once that was looked at. */
  run: SequenceRun | undefined;
}

/** Orders that stand one behind the other and of which nothing follows but the sequence. */
export interface SequenceRun {
  /** The nodes of the earlier actions, each once, in the order in which they are met. */
  readonly nodes: readonly (Node | undefined)[];
  /** The next older order that is of another kind. */
  readonly next: Relation | undefined;
}

export interface Action {
  readonly id: number;
  readonly cluster: Cluster;
  readonly resource: Resource | undefined;
  readonly kind: ActionKind | undefined;
  /** What is done; a cancellation keeps the key of what it cancels. */
  task: string;
  /** The part of the key between resource and interval, or the whole key where there is no resource. */
  readonly key: string;
  readonly intervalMs: number;
  cancelTask: string | undefined;
  node: Node | undefined;
  flags: number;
  needs: Needs;
  reason: string | undefined;
  /** This action's own, stronger than those of its kind; may be shared with other actions. */
  meta: Map<string, string> | undefined;
  /** Parameters of its operation alone. */
  extra: ReadonlyMap<string, string> | undefined;
  /** Orders in which this action is the later one, and how many. */
  before: Relation | undefined;
  beforeCount: number;
  /** Orders in which this action is the earlier one, and how many. */
  after: Relation | undefined;
  afterCount: number;
  /** All of `before` by the number of the earlier action, each of these once; made for the graph. */
  inputs: readonly Relation[];
  /** How many earlier actions must be possible, and how many are, where not all must be. */
  minimum: { readonly required: number; runnable: number } | undefined;
  /** What was found out of the parts that this action stands for, which takes long. */
  wholeFlags: WholeFlags | undefined;
}

/** Flags of an action that stands for several, each with the count of changes (`actionChanges`) for which it holds. */
export interface WholeFlags {
  at: number;
  flags: number;
  /** By the index of a node. */
  readonly atByNode: number[];
  readonly flagsByNode: number[];
}
