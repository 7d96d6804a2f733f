// A resource before anything is known of it but its element.

import { childNamed, type Element } from "../../kernel/cib/element.ts";
import { parseIntervalMs } from "../../model/duration.ts";
import { INFINITY } from "../../model/score.ts";
import { parseBoolean } from "../../model/text.ts";
import type { Cause, GraphPrimitive } from "../transition.ts";
import { emptyTable } from "./node-table.ts";
import {
  type Action,
  type ActionList,
  type BundleData,
  type CloneData,
  type Cluster,
  type Colocation,
  type GroupData,
  type Location,
  type Methods,
  type MultipleActive,
  type Node,
  type NodeTable,
  type OperationConfig,
  type OperationMeta,
  type Ordering,
  type Resource,
  Role,
  type TicketConstraint,
  type Variant,
} from "./state.ts";

function readOperations(cluster: Cluster, config: Element): OperationConfig[] {
  const section = childNamed(config, "operations");
  const resolved = section === undefined ? undefined : cluster.resolve(section);
  const operations: OperationConfig[] = [];
  for (const operation of resolved?.children ?? []) {
    if (operation.name !== "op") continue;
    const { attributes } = operation;
    operations.push({
      element: operation,
      id: attributes["id"],
      name: attributes["name"],
      intervalMs: parseIntervalMs(attributes["interval"]),
      role: attributes["role"],
      enabled: parseBoolean(attributes["enabled"]) ?? true,
    });
  }
  return operations;
}

/** All that is not known at first is there too: a record whose shape never changes is quick to reach into. */
class NewResource implements Resource {
  readonly cluster: Cluster;
  readonly id: string;
  readonly configId: string;
  readonly serial: number;
  readonly variant: Variant;
  readonly methods: Methods;
  readonly config: Element;
  readonly resourceClass: string | undefined;
  readonly provider: string | undefined;
  readonly type: string | undefined;
  readonly operations: readonly OperationConfig[];
  readonly operationMetas: OperationMeta[] = [];
  readonly parent: Resource | undefined;
  children: Resource[] = [];
  readonly meta: Map<string, string> = new Map();
  utilization: Map<string, string> = new Map();
  parameters: ReadonlyMap<string, string> | undefined = undefined;
  parametersByNode: Map<Node | undefined, ReadonlyMap<string, string>> | undefined = undefined;
  managed = false;
  blocked = false;
  removed = false;
  removedLaunched = false;
  unique = false;
  notify = false;
  fenceDevice = false;
  critical = false;
  promotable = false;
  migratable = false;
  maintenance = false;
  remoteConnection = false;
  nestingAllowed = false;
  replicaContainer = false;
  exclusiveProbes = false;
  needsQuorum = false;
  needsFencing = false;
  needsUnfencing = false;
  ignoreFailure = false;
  failed = false;
  stopIfFailed = false;
  stopUnexpected = false;
  startPending = false;
  reload = false;
  restarting = false;
  unassigned = true;
  assigning = false;
  updatingNodes = false;
  priority: number = 0;
  promotionPriority: number = 0;
  stickiness: number = 0;
  banAfterFailures: number = INFINITY;
  failureExpirationMs: number = 0;
  remoteReconnectMs: number = 0;
  multipleActive: MultipleActive = "stop_start";
  position: number = 0;
  role: Role = Role.Stopped;
  nextRole: Role = Role.Unknown;
  historyId: string | undefined = undefined;
  activeNodes: Node[] = [];
  assigned: Node | undefined = undefined;
  assignedScore: number = 0;
  allowed: NodeTable = emptyTable();
  probed: Uint8Array | undefined = undefined;
  probedCount: number = 0;
  pendingAction: string | undefined = undefined;
  pendingNode: Node | undefined = undefined;
  partialMigrationSource: Node | undefined = undefined;
  partialMigrationTarget: Node | undefined = undefined;
  danglingMigrationSources: Node[] = [];
  lockNode: Node | undefined = undefined;
  lockTime: number = 0;
  launcher: Resource | undefined = undefined;
  launched: Resource[] = [];
  actions: Action[] = [];
  probeOrdering: Ordering | undefined = undefined;
  readonly actionLists: ActionList[] = [];
  thisWith: Colocation[] = [];
  withThis: Colocation[] = [];
  locations: Location[] = [];
  tickets: TicketConstraint[] = [];
  clone: CloneData | undefined = undefined;
  group: GroupData | undefined = undefined;
  bundle: BundleData | undefined = undefined;
  causes: Cause[] = [];
  exported: GraphPrimitive | undefined = undefined;

  constructor(
    cluster: Cluster,
    config: Element,
    configId: string,
    variant: Variant,
    parent: Resource | undefined,
    instance: string | undefined,
  ) {
    cluster.nextSerial += 1;
    this.id = instance === undefined ? configId : `${configId}:${instance}`;
    this.configId = configId;
    this.serial = cluster.nextSerial;
    this.variant = variant;
    this.cluster = cluster;
    this.methods = cluster.variants[variant];
    this.config = config;
    this.resourceClass = config.attributes["class"];
    this.provider = config.attributes["provider"];
    this.type = config.attributes["type"];
    this.operations = readOperations(cluster, config);
    this.parent = parent;
  }
}

/** Makes it; it is not yet known to the cluster. */
export function newResource(
  cluster: Cluster,
  config: Element,
  configId: string,
  variant: Variant,
  parent: Resource | undefined,
  instance: string | undefined,
): Resource {
  return new NewResource(cluster, config, configId, variant, parent, instance);
}
