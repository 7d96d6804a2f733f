// A resource before anything is known of it but its element.

import { childNamed, type Element } from "../../kernel/cib/element.ts";
import { parseIntervalMs } from "../../model/duration.ts";
import { INFINITY } from "../../model/score.ts";
import { parseBoolean } from "../../model/text.ts";
import { emptyTable } from "./node-table.ts";
import { type Cluster, type OperationConfig, type Resource, Role, type Variant } from "./state.ts";

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

/** Makes it; it is not yet known to the cluster. */
export function newResource(
  cluster: Cluster,
  config: Element,
  configId: string,
  variant: Variant,
  parent: Resource | undefined,
  instance: string | undefined,
): Resource {
  const methods = cluster.variants[variant];
  const { class: resourceClass, provider, type } = config.attributes;
  cluster.nextSerial += 1;
  return {
    id: instance === undefined ? configId : `${configId}:${instance}`,
    configId,
    serial: cluster.nextSerial,
    variant,
    methods,
    config,
    resourceClass,
    provider,
    type,
    operations: readOperations(cluster, config),
    operationMetas: [],
    parent,
    children: [],
    meta: new Map(),
    utilization: new Map(),
    parameters: undefined,
    parametersByNode: undefined,
    managed: false,
    blocked: false,
    removed: false,
    removedLaunched: false,
    unique: false,
    notify: false,
    fenceDevice: false,
    critical: false,
    promotable: false,
    migratable: false,
    maintenance: false,
    remoteConnection: false,
    nestingAllowed: false,
    replicaContainer: false,
    exclusiveProbes: false,
    needsQuorum: false,
    needsFencing: false,
    needsUnfencing: false,
    ignoreFailure: false,
    failed: false,
    stopIfFailed: false,
    stopUnexpected: false,
    startPending: false,
    reload: false,
    restarting: false,
    unassigned: true,
    assigning: false,
    updatingNodes: false,
    priority: 0,
    promotionPriority: 0,
    stickiness: 0,
    banAfterFailures: INFINITY,
    failureExpirationMs: 0,
    remoteReconnectMs: 0,
    multipleActive: "stop_start",
    position: 0,
    role: Role.Stopped,
    nextRole: Role.Unknown,
    historyId: undefined,
    activeNodes: [],
    assigned: undefined,
    assignedScore: 0,
    allowed: emptyTable(),
    probed: undefined,
    probedCount: 0,
    pendingAction: undefined,
    pendingNode: undefined,
    partialMigrationSource: undefined,
    partialMigrationTarget: undefined,
    danglingMigrationSources: [],
    lockNode: undefined,
    lockTime: 0,
    launcher: undefined,
    launched: [],
    actions: [],
    actionLists: [],
    thisWith: [],
    withThis: [],
    locations: [],
    tickets: [],
    clone: undefined,
    group: undefined,
    bundle: undefined,
    causes: [],
    exported: undefined,
  };
}
