// Names of operations and of what a transition did, in Pacemaker's form: RESOURCE_OPERATION_INTERVAL,
// ACTION:TRANSITION:EXPECTED:UUID and STATUS:CODE;KEY.
// Source of the form: `operation_key`, `transition-key` and `transition-magic` in the lrm_rsc_op elements of any CIB.

/** An operation key taken apart. */
export interface OperationKey {
  readonly resource: string;
  readonly operation: string;
  readonly intervalMs: number;
}

/** The key under which an operation stands in the graph and in the history. */
export function operationKey(resource: string, operation: string, intervalMs: number): string {
  return `${resource}_${operation}_${intervalMs}`;
}

/** The key of a notification about an operation: RESOURCE_KIND_notify_OPERATION_0, kind pre, post, confirmed-pre, … */
export function notifyKey(resource: string, kind: string, operation: string): string {
  return `${resource}_${kind}_notify_${operation}_0`;
}

const NOTIFY_SUFFIX = /^(.+)_(pre|post)_notify_([a-z-]+)$/;

/** Takes a key apart; undefined when it is none. Resource names may contain underscores and "migrate_to" has one itself. */
export function parseOperationKey(key: string): OperationKey | undefined {
  const intervalStart = key.lastIndexOf("_");
  const intervalText = key.slice(intervalStart + 1);
  if (intervalStart <= 0 || !/^\d{1,15}$/.test(intervalText)) return undefined;
  const intervalMs = Number(intervalText);
  const rest = key.slice(0, intervalStart);
  for (const two of ["_migrate_to", "_migrate_from", "_clear_failcount"]) {
    if (rest.endsWith(two) && rest.length > two.length) {
      return { resource: rest.slice(0, -two.length), operation: two.slice(1), intervalMs };
    }
  }
  const notify = NOTIFY_SUFFIX.exec(rest);
  if (notify?.[1] !== undefined) return { resource: notify[1], operation: "notify", intervalMs };
  const operationStart = rest.lastIndexOf("_");
  if (operationStart <= 0 || operationStart === rest.length - 1) return undefined;
  return { resource: rest.slice(0, operationStart), operation: rest.slice(operationStart + 1), intervalMs };
}

/** Which action of which transition of which coordinator an operation was, and what result was wanted. */
export interface TransitionKey {
  readonly transition: number;
  readonly action: number;
  readonly expectedResult: number;
  /** Identifies the coordinator's run, 36 characters. */
  readonly coordinator: string;
}

/** ACTION:TRANSITION:EXPECTED:COORDINATOR. */
export function formatTransitionKey(key: TransitionKey): string {
  return `${key.action}:${key.transition}:${key.expectedResult}:${key.coordinator.padEnd(36)}`;
}

/** Takes a transition key apart; undefined when it is none. */
export function parseTransitionKey(text: string): TransitionKey | undefined {
  const match = /^(-?\d+):(-?\d+):(-?\d+):(\S.{0,63})$/.exec(text);
  if (match === null) return undefined;
  return {
    action: Number(match[1]),
    transition: Number(match[2]),
    expectedResult: Number(match[3]),
    coordinator: (match[4] ?? "").trimEnd(),
  };
}

/** How an operation that a transition asked for went. */
export interface TransitionMagic {
  /** Execution status: 0 done, 1 cancelled, 2 timed out, 3 not supported, 4 error, -1 pending … (`op-status`). */
  readonly status: number;
  /** Result of the agent (`rc-code`). */
  readonly result: number;
  readonly key: TransitionKey;
}

/** STATUS:RESULT;KEY. */
export function formatTransitionMagic(magic: TransitionMagic): string {
  return `${magic.status}:${magic.result};${formatTransitionKey(magic.key)}`;
}

/** Takes a transition magic apart; undefined when it is none. */
export function parseTransitionMagic(text: string): TransitionMagic | undefined {
  const match = /^(-?\d+):(-?\d+);(.*)$/.exec(text);
  const key = match === null ? undefined : parseTransitionKey(match[3] ?? "");
  if (match === null || key === undefined) return undefined;
  return { status: Number(match[1]), result: Number(match[2]), key };
}
