// What one recorded operation says: it was wanted and went well, it failed, it is still going on, or it is too old to matter.
// Source of the codes: OCF result codes (rc-code) and Pacemaker's execution status (op-status).

import { millisecondsToSeconds } from "../../model/duration.ts";
import { INFINITY } from "../../model/score.ts";
import { canFence, clearFailures, fenceAction, remoteNodeOf, simpleAction } from "./actions.ts";
import { recheckBy } from "./attributes.ts";
import { compareDigests, needsRemoteName } from "./digests.ts";
import { failureCount } from "./fail-counts.ts";
import { addLocation, banEverywhere, replaceWithBan } from "./location-scores.ts";
import { migrateFromFailed, migrateToFailed, migrateToSucceeded } from "./migration-history.ts";
import { isProbe, onFailOf, operationConfig, operationMeta, roleAfterFailure } from "./operation-meta.ts";
import { orderActions } from "./relations.ts";
import { type HistoryOperation, type HistoryState, type Judged, OnFail, Order, Role } from "./state.ts";
import { findNode, isAnonymousClone, isBundled, topResource } from "./tree.ts";

/** rc-code. */
export const Result = {
  Ok: 0,
  InvalidParameter: 2,
  Unimplemented: 3,
  InsufficientPrivilege: 4,
  NotInstalled: 5,
  NotConfigured: 6,
  NotRunning: 7,
  RunningPromoted: 8,
  FailedPromoted: 9,
  Degraded: 190,
  DegradedPromoted: 191,
  Unknown: 193,
} as const;

/** op-status. */
export const Status = {
  Unknown: -2,
  Pending: -1,
  Done: 0,
  Cancelled: 1,
  Timeout: 2,
  NotSupported: 3,
  Error: 4,
  ErrorHard: 5,
  ErrorFatal: 6,
  NotInstalled: 7,
  NotConnected: 8,
  Invalid: 9,
  NoFenceDevice: 10,
  NoSecrets: 11,
} as const;

const AFFECTING = new Set(["monitor", "start", "stop", "promote", "demote", "migrate_to", "migrate_from", "asyncmon"]);

function isRecordedProbe(operation: HistoryOperation): boolean {
  return isProbe(operation.task, operation.intervalMs);
}

/** A probe that failed because the agent or what it needs is missing: surely not running, but not allowed there either. */
export function maskedProbe(operation: HistoryOperation): boolean {
  if (!isRecordedProbe(operation)) return false;
  const { result, status } = operation;
  return result === Result.NotInstalled || result === Result.InvalidParameter || status === Status.NotInstalled;
}

function setActive(judged: Judged): void {
  const { resource } = judged.state;
  resource.role = topResource(resource).promotable ? Role.Unpromoted : Role.Started;
}

/** Takes one operation of a resource's history into account. */
export function applyOperation(state: HistoryState, operation: HistoryOperation): void {
  if (operation.id === "" || !AFFECTING.has(operation.task)) return;
  const { status, result } = operation;
  if (status === undefined || status < Status.Pending || status > Status.NoSecrets || status === Status.Cancelled)
    return;
  if (result === undefined || result < 0 || result > 255) return;
  const judged: Judged = { state, operation, status, result };
  const expired = checkExpiry(judged);
  remap(judged, expired);
  if (expired && dropExpired(judged, result)) return;
  if (!isBundled(state.resource) && maskedProbe(operation)) {
    maskProbe(judged);
    return;
  }
  if (judged.status === Status.Pending) applyPending(judged);
  else if (judged.status === Status.Done) updateRole(judged, judged.result);
  else applyFailure(judged);
}

/** Whether a failure is so old that it no longer counts. */
function checkExpiry(judged: Judged): boolean {
  const { state, operation } = judged;
  const { cluster, resource, node } = state;
  if (judged.status === Status.NotInstalled) return false;
  const lastFailureEntry = operation.id.endsWith("_last_failure_0");
  const expirationSeconds = millisecondsToSeconds(resource.failureExpirationMs);
  let expired = false;
  let unexpired = 0;
  if (expirationSeconds > 0 && operation.changedAt !== undefined) {
    expired = cluster.now >= operation.changedAt + expirationSeconds && !timeoutSuspended(judged);
    const failures = failureCount(cluster, resource, node, { effective: true, operation });
    unexpired = failures.count;
    const until = failures.lastFailure + expirationSeconds + 1;
    if (unexpired > 0 && cluster.now < until) recheckBy(cluster, until);
  }
  let clear = false;
  if (expired) {
    if (failureCount(cluster, resource, node, { operation }).count > 0) {
      if (unexpired === 0) clear = true;
      else expired = false;
    } else if (lastFailureEntry && resource.remoteReconnectMs > 0) {
      clear = true;
    }
  }
  if (!expired && lastFailureEntry && parametersChanged(judged)) clear = true;
  if (clear) clearExpired(judged);
  return expired && !(isRecordedProbe(operation) && tellsRole(judged.result));
}

function tellsRole(result: number): boolean {
  return (
    result === Result.Ok ||
    result === Result.NotRunning ||
    result === Result.RunningPromoted ||
    result === Result.Degraded ||
    result === Result.DegradedPromoted
  );
}

/** While a remote node waits for its fencing, the failure of its connection must not be forgotten. */
function timeoutSuspended(judged: Judged): boolean {
  const { cluster, resource } = judged.state;
  const { operation } = judged;
  if (resource.remoteReconnectMs === 0 || !cluster.properties.fencingEnabled) return false;
  if (operation.intervalMs === 0 || operation.task !== "monitor") return false;
  const remote = findNode(cluster, resource.id);
  return remote !== undefined && !remote.remoteFenced;
}

function parametersChanged(judged: Judged): boolean {
  const { cluster, resource, node } = judged.state;
  const { operation } = judged;
  if (operation.task !== "start" && operation.task !== "monitor") return false;
  if (needsRemoteName(cluster, resource)) {
    cluster.parameterChecks.push({ resource, node, operation, kind: "last-failure" });
    return false;
  }
  const { verdict } = compareDigests(cluster, resource, operation, node);
  return verdict !== "unknown" && verdict !== "match";
}

function clearExpired(judged: Judged): void {
  const { cluster, resource, node } = judged.state;
  const clear = clearFailures(cluster, resource, node);
  if (!cluster.properties.fencingEnabled || resource.remoteReconnectMs === 0) return;
  const remote = remoteNodeOf(cluster, resource);
  if (remote !== undefined) {
    orderActions(fenceAction(cluster, remote, undefined, true, undefined, false), clear, Order.FirstImpliesThen);
  }
}

/** Makes of what the agent answered what it means here. */
function remap(judged: Judged, expired: boolean): void {
  const { state, operation } = judged;
  const original = judged.result;
  if (original === Result.Degraded) judged.result = Result.Ok;
  if (original === Result.DegradedPromoted) judged.result = Result.RunningPromoted;
  if (judged.result !== original && !expired && (!state.node.shutdown || state.node.online)) recordFailure(judged);
  if (!isBundled(state.resource) && maskedProbe(operation)) {
    judged.status = Status.Done;
    judged.result = Result.NotRunning;
  }
  if (judged.status === Status.NoFenceDevice || judged.status === Status.NoSecrets) {
    judged.status = Status.ErrorHard;
    return;
  }
  if (judged.status !== Status.Done && judged.status !== Status.Error) return;
  const expected = operation.expected;
  judged.status = expected >= 0 && judged.result === expected ? Status.Done : Status.Error;
  remapResult(judged, expired);
}

function remapResult(judged: Judged, expired: boolean): void {
  const { state, operation } = judged;
  const { resource } = state;
  const probe = isRecordedProbe(operation);
  const wanted = judged.result === operation.expected;
  switch (judged.result) {
    case Result.Ok:
      if (probe && operation.expected === Result.NotRunning) judged.status = Status.Done;
      break;
    case Result.NotRunning:
      if (probe || wanted || !resource.managed) {
        judged.status = Status.Done;
        resource.role = Role.Stopped;
        state.onFail = OnFail.Ignore;
        resource.nextRole = Role.Unknown;
      }
      break;
    case Result.RunningPromoted:
      if (probe && !wanted) judged.status = Status.Done;
      if (!expired || wanted) resource.role = Role.Promoted;
      break;
    case Result.FailedPromoted:
      if (!expired) resource.role = Role.Promoted;
      judged.status = Status.Error;
      break;
    case Result.NotConfigured:
      judged.status = Status.ErrorFatal;
      break;
    case Result.Unimplemented:
      if (operation.intervalMs > 0) {
        judged.status = Status.NotSupported;
        break;
      }
      if (!expired) blockIfStopFailed(judged);
      judged.status = Status.ErrorHard;
      break;
    case Result.NotInstalled:
    case Result.InvalidParameter:
    case Result.InsufficientPrivilege:
      if (!expired) blockIfStopFailed(judged);
      judged.status = Status.ErrorHard;
      break;
    default:
      if (judged.status === Status.Done) judged.status = Status.Error;
  }
}

/** A stop that can never work on a node that cannot be fenced: nothing can be done any more. */
function blockIfStopFailed(judged: Judged): void {
  const { cluster, resource, node } = judged.state;
  if (judged.operation.task !== "stop" || canFence(cluster, node)) return;
  resource.managed = false;
  resource.blocked = true;
}

/** Deals with a result that is too old; true when nothing more follows from it. */
function dropExpired(judged: Judged, original: number): boolean {
  const { state, operation } = judged;
  const { resource, node } = state;
  if (!isBundled(resource) && maskedProbe(operation) && original !== operation.expected) {
    if (resource.role <= Role.Stopped) resource.role = Role.Unknown;
    return true;
  }
  if (judged.result === operation.expected) return false;
  if (operation.intervalMs === 0) return true;
  if (node.online && !node.unclean) {
    operation.rescheduled = true;
    return true;
  }
  return false;
}

function maskProbe(judged: Judged): void {
  const { resource, node } = judged.state;
  const banned = resource.unique ? resource : topResource(resource);
  updateRole(judged, judged.operation.expected);
  recordFailure(judged);
  addLocation(banned, node, -INFINITY);
  judged.state.cluster.explain?.hopeless(banned, resource);
}

/** Keeps a failure for people to see. */
function recordFailure(judged: Judged): void {
  const { cluster, resource, node } = judged.state;
  if (!node.online) return;
  const key = judged.operation.element.attributes["operation_key"] ?? judged.operation.id;
  if (cluster.failed.some((known) => known.node === node && known.key === key)) return;
  cluster.failed.push({ resource, node, key, operation: judged.operation });
}

/** A failure after the operation was last asked for is newer than what it is still doing. */
function failureIsNewer(judged: Judged): boolean {
  const { lastFailure } = judged.state;
  const { operation } = judged;
  if (lastFailure === undefined || lastFailure.task !== operation.task) return false;
  if (lastFailure.element.attributes["interval"] === undefined) return false;
  if (lastFailure.intervalMs !== operation.intervalMs) return false;
  const [failed, asked] = [changeOf(lastFailure), changeOf(operation)];
  return failed !== undefined && asked !== undefined && failed >= asked;
}

/** When the result came (epoch seconds): what does not say so counts as long ago, what says nonsense not at all. */
function changeOf(operation: HistoryOperation): number | undefined {
  return operation.element.attributes["last-rc-change"] === undefined ? 0 : operation.changedAt;
}

function applyPending(judged: Judged): void {
  if (failureIsNewer(judged)) return;
  const { cluster, resource, node } = judged.state;
  const { operation } = judged;
  if (operation.task === "start") {
    resource.startPending = true;
    setActive(judged);
  } else if (operation.task === "promote") {
    resource.role = Role.Promoted;
  } else if (operation.task === "migrate_to" && node.unclean) {
    const target = findNode(cluster, operation.element.attributes["migrate_target"]);
    if (target !== undefined) simpleAction(cluster, resource, "stop", target, false);
  }
  if (resource.pendingAction !== undefined || isRecordedProbe(operation)) return;
  resource.pendingAction = operation.task;
  resource.pendingNode = node;
}

/** What an operation that went as wanted says of the role. */
function updateRole(judged: Judged, result: number): void {
  const { state, operation } = judged;
  const { resource } = state;
  let clears = false;
  if (result === Result.NotInstalled || (!isBundled(resource) && maskedProbe(operation))) {
    resource.role = Role.Stopped;
  } else if (result === Result.NotRunning) {
    clears = true;
  } else {
    clears = roleAfterSuccess(judged);
  }
  if (clears) clearPastFailure(judged);
}

function roleAfterSuccess(judged: Judged): boolean {
  const { state, operation } = judged;
  const { resource } = state;
  switch (operation.task) {
    case "monitor": {
      const key = (entry: HistoryOperation) => entry.element.attributes["operation_key"] ?? entry.id;
      const same = state.lastFailure !== undefined && key(state.lastFailure) === key(operation);
      if (resource.role < Role.Started) setActive(judged);
      return same;
    }
    case "start":
    case "migrate_from":
      resource.role = Role.Started;
      return true;
    case "stop":
      resource.role = Role.Stopped;
      return true;
    case "promote":
      resource.role = Role.Promoted;
      return true;
    case "demote":
      resource.role = Role.Unpromoted;
      return state.onFail === OnFail.Demote;
    case "migrate_to":
      migrateToSucceeded(judged);
      return false;
    default:
      if (resource.role < Role.Started) setActive(judged);
      return false;
  }
}

/** A later success makes up for an earlier failure, unless that was so grave that it needs an administrator. */
function clearPastFailure(judged: Judged): void {
  const { state } = judged;
  const grave: readonly OnFail[] = [OnFail.Stop, OnFail.Ban, OnFail.Standby, OnFail.Fence];
  if (grave.includes(state.onFail)) return;
  if (state.onFail === OnFail.ResetRemote && state.resource.remoteReconnectMs > 0) return;
  state.onFail = OnFail.Ignore;
  state.resource.nextRole = Role.Unknown;
}

function failureHandling(judged: Judged): { onFail: OnFail; role: Role } {
  const { cluster, resource, node } = judged.state;
  const { task, intervalMs } = judged.operation;
  const config = operationConfig(resource, task, intervalMs);
  const meta = operationMeta(cluster, resource, node, task, intervalMs, config);
  const onFail = onFailOf(cluster, resource, task, intervalMs, meta.get("on-fail"));
  return { onFail, role: roleAfterFailure(resource, task, onFail) };
}

function applyFailure(judged: Judged): void {
  const { state, operation } = judged;
  const { cluster, resource, node } = state;
  const top = resource.unique ? resource : topResource(resource);
  const handling = failureHandling(judged);
  if (judged.status === Status.NotInstalled) {
    if (handling.onFail === OnFail.Ignore) state.onFail = OnFail.Ban;
    addLocation(top, node, -INFINITY);
    countFailure(judged, handling);
    cluster.explain?.hopeless(top, resource);
    return;
  }
  if (judged.status === Status.NotConnected && node.remoteKind && node.remote?.managed) {
    node.remote.failed = true;
    node.remote.stopIfFailed = true;
  }
  const inContainer = handling.onFail === OnFail.RestartContainer;
  if (handling.onFail === OnFail.Ignore || (inContainer && operation.task === "stop")) {
    updateRole(judged, operation.expected);
    resource.ignoreFailure = true;
    recordFailure(judged);
    if (inContainer && state.onFail <= OnFail.Restart) state.onFail = handling.onFail;
    return;
  }
  countFailure(judged, handling);
  if (judged.status === Status.ErrorHard) addLocation(top, node, -INFINITY);
  else if (judged.status === Status.ErrorFatal) banEverywhere(cluster, top);
  cluster.explain?.hopeless(top, resource);
}

function countFailure(judged: Judged, handling: { onFail: OnFail; role: Role }): void {
  const { state, operation } = judged;
  const { cluster, resource } = state;
  state.lastFailure = operation;
  const probe = isRecordedProbe(operation);
  if (cluster.properties.symmetric || judged.result !== Result.NotInstalled) recordFailure(judged);
  if (state.onFail < handling.onFail) state.onFail = handling.onFail;
  roleAfterFailedTask(judged, handling.onFail);
  if (probe && judged.result === Result.NotInstalled) resource.role = Role.Stopped;
  else if (resource.role < Role.Started) setActive(judged);
  if (handling.role !== Role.Started && resource.nextRole < handling.role) resource.nextRole = handling.role;
  if (handling.role === Role.Stopped) {
    const parent = resource.parent === undefined ? resource : topResource(resource);
    replaceWithBan(cluster, isAnonymousClone(parent) ? parent : resource);
  }
}

function roleAfterFailedTask(judged: Judged, onFail: OnFail): void {
  const { resource, node } = judged.state;
  switch (judged.operation.task) {
    case "stop":
      addLocation(resource, node, -INFINITY);
      break;
    case "migrate_to":
      migrateToFailed(judged);
      break;
    case "migrate_from":
      migrateFromFailed(judged);
      break;
    case "promote":
      resource.role = Role.Promoted;
      break;
    case "demote":
      if (onFail === OnFail.Block) {
        resource.role = Role.Promoted;
        resource.nextRole = Role.Stopped;
      } else if (judged.result === Result.NotRunning) {
        resource.role = Role.Stopped;
      } else {
        resource.role = Role.Unpromoted;
      }
      break;
    default:
  }
}
