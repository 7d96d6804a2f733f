// What the scheduler gives to the controller: a graph of actions, in the terms of Pacemaker's transition graph.
// Source of the form: the <transition_graph> that Pacemaker's scheduler writes (crm_simulate --save-graph).

/** A resource as an action names it: what to load, and under which id to run it. */
export interface GraphPrimitive {
  readonly id: string;
  /** The instance's id with its number when that differs from `id` (anonymous clones, `long-id` in Pacemaker). */
  readonly longId?: string | undefined;
  readonly class: string;
  readonly provider?: string | undefined;
  readonly type: string;
}

/** A cause, as data: code for programs, text in words for people ("because ..."). */
export interface Cause {
  readonly code: string;
  readonly text: string;
}

/** A remote node whose maintenance mode has to be written down anew. */
export interface MaintenanceChange {
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** One action of a transition. */
export interface GraphAction {
  readonly id: number;
  /** `resource` = rsc_op, `pseudo` = pseudo_event (nothing to do but order), `cluster` = crm_event (fencing, clearing, shutdown). */
  readonly kind: "resource" | "pseudo" | "cluster";
  /** start, stop, monitor, promote, demote, notify, stonith, clear_failcount, do_shutdown, maintenance_nodes, ... */
  readonly operation: string;
  /** RESOURCE_OPERATION_INTERVALMS, or operation-node-... for cluster actions. */
  readonly operationKey: string;
  /** Key of the operation in the history, where it differs from operationKey (an anonymous clone's). */
  readonly internalOperationKey?: string | undefined;
  /** Where: node name (uname) and node id (uuid). */
  readonly node?: string | undefined;
  readonly nodeId?: string | undefined;
  /** Node whose executor runs it, when that is another (remote nodes). */
  readonly routerNode?: string | undefined;
  readonly primitive?: GraphPrimitive | undefined;
  /**
   * Instance parameters as they are, and meta attributes as CRM_meta_NAME; sorted by name. Where it happens stands in `node`
   * and `nodeId` alone, so that actions that differ in nothing else share this; `attributesOnNode` has it too.
   */
  readonly attributes: Readonly<Record<string, string>>;
  /** Ids of the nodes that this action takes down (fencing). */
  readonly downed?: readonly string[] | undefined;
  /** Ids of nodes for `maintenance_nodes`, with their attributes. */
  readonly maintenance?: readonly MaintenanceChange[] | undefined;
  /** Why this action is in the plan. */
  readonly cause?: Cause | undefined;
}

/** All attributes of an action with those that say where it happens: what an agent is told. */
export function attributesOnNode(action: GraphAction): Readonly<Record<string, string>> {
  const { node, nodeId } = action;
  if (node === undefined || nodeId === undefined) return action.attributes;
  return { CRM_meta_on_node: node, CRM_meta_on_node_uuid: nodeId, ...action.attributes };
}

/** An action and what must have happened before it. */
export interface Synapse {
  readonly id: number;
  /** Higher first; 0 is ordinary. */
  readonly priority: number;
  readonly action: GraphAction;
  /** Ids of the actions that must have been confirmed before this one starts. */
  readonly inputs: readonly number[];
}

/** Everything that is to be done to come from the present state to the wanted one. */
export interface TransitionGraph {
  readonly clusterDelayMs: number;
  readonly stonithTimeoutMs: number;
  readonly batchLimit: number;
  readonly migrationLimit?: number;
  /** Attributes of <transition_graph> besides those (failed-stop-offset, ...), for the XML form. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly synapses: readonly Synapse[];
  /**
   * What was wanted, but waits for something that never happens: not to be carried out, though Pacemaker's text of the graph
   * has it. `awaited` are actions that inputs name and that are not in the plan at all (they cannot be done).
   */
  readonly never?: { readonly synapses: readonly Synapse[]; readonly awaited: readonly GraphAction[] };
  /** Epoch seconds at which the state should be looked at again although nothing happens (a rule, a failure-timeout). */
  readonly recheckAtEpochSeconds?: number;
}
