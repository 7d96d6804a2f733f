// Which of two recorded operations is the newer one, and which of all still say something about the present.
// Source of the rules: call-id counts up on one node's executor; across nodes and restarts only times and transitions help.

import type { Element } from "../../kernel/cib/element.ts";
import { parseIntervalMs } from "../../model/duration.ts";
import { leadingInteger } from "../../model/score.ts";
import { sameText } from "../../model/text.ts";
import { mergeSort } from "./merge-sort.ts";
import { parseTransitionMagic } from "./operation-key.ts";
import type { HistoryOperation, HistoryResource } from "./state.ts";

function integer(text: string | undefined): number | undefined {
  return text === undefined ? undefined : leadingInteger(text);
}

/** The third number of a transition key, ACTION:TRANSITION:EXPECTED:COORDINATOR; -1 when the text is none. */
function expectedResult(key: string): number {
  let at = 0;
  for (let part = 0; ; part += 1) {
    const sign = key.charCodeAt(at) === 45 ? -1 : 1;
    if (sign < 0) at += 1;
    const first = at;
    let value = 0;
    for (let digit = key.charCodeAt(at) - 48; digit >= 0 && digit <= 9; digit = key.charCodeAt(at) - 48) {
      value = value * 10 + digit;
      at += 1;
    }
    if (at === first || key.charCodeAt(at) !== 58) return -1;
    if (part === 2) return sign * value;
    at += 1;
  }
}

/** Reads one lrm_rsc_op. */
export function readOperation(element: Element): HistoryOperation {
  const { attributes } = element;
  const key = attributes["transition-key"];
  return {
    element,
    id: attributes["id"] ?? "",
    task: attributes["operation"] ?? "",
    intervalMs: parseIntervalMsOf(attributes["interval"]),
    callId: integer(attributes["call-id"]) ?? -1,
    status: integer(attributes["op-status"]),
    result: integer(attributes["rc-code"]),
    expected: key === undefined ? -1 : expectedResult(key),
    transitionKey: key,
    changedAt: integer(attributes["last-rc-change"]),
    rescheduled: false,
  };
}

/** In the history, an interval is a plain number of milliseconds. */
function parseIntervalMsOf(text: string | undefined): number {
  if (text === undefined || text === "0") return 0;
  const value = leadingInteger(text);
  return value !== undefined && value >= 0 ? value : parseIntervalMs(text);
}

/** Less than 0 when `one` is older, more when it is newer, 0 when that cannot be told. */
export function compareAge(one: HistoryOperation, other: HistoryOperation): number {
  const sameNode = sameText(one.element.attributes["on_node"], other.element.attributes["on_node"]);
  if (sameNode && one.id === other.id) return 0;
  const [left, right] = [one.callId, other.callId];
  if (left === -1 && right === -1) return 0;
  if (sameNode && left >= 0 && left < right) return -1;
  if (sameNode && right >= 0 && left > right) return 1;
  if (left >= 0 && right >= 0) {
    const [earlier, later] = [one.changedAt ?? -1, other.changedAt ?? -1];
    if (earlier >= 0 && earlier < later) return -1;
    return later >= 0 && earlier > later ? 1 : 0;
  }
  return compareTransitions(one, other);
}

/** One of the two has no call-id: it is pending. */
function compareTransitions(one: HistoryOperation, other: HistoryOperation): number {
  const left = parseTransitionMagic(one.element.attributes["transition-magic"] ?? "");
  const right = parseTransitionMagic(other.element.attributes["transition-magic"] ?? "");
  if (left === undefined || right === undefined) return 0;
  const [leftId, rightId] = [left.key.transition, right.key.transition];
  if (!sameText(left.key.coordinator, right.key.coordinator) || leftId === rightId) {
    return other.callId === -1 ? -1 : 1;
  }
  if ((leftId >= 0 && leftId < rightId) || rightId === -1) return -1;
  return 1;
}

/** A resource's operations, oldest first. */
export function sortedOperations(entry: HistoryResource): readonly HistoryOperation[] {
  if (entry.sorted.length === 0 && entry.operations.length > 0) {
    entry.sorted = mergeSort([...entry.operations].reverse(), compareAge);
  }
  return entry.sorted;
}

/** Where in the sorted operations the present life of the resource begins, and where its last stop is; -1 for none. */
export function activeRange(sorted: readonly HistoryOperation[]): { start: number; stop: number } {
  let stop = -1;
  let start = -1;
  let impliedByMonitor = -1;
  let impliedByRole = -1;
  for (let i = 0; i < sorted.length; i += 1) {
    const operation = sorted[i];
    if (operation === undefined) continue;
    const { task } = operation;
    if (task === "stop" && operation.status === 0) stop = i;
    else if (task === "start" || task === "migrate_from") start = i;
    else if (impliedByMonitor <= stop && task === "monitor") {
      if (operation.result === 0 || operation.result === 8) impliedByMonitor = i;
    } else if (task === "promote" || task === "demote") impliedByRole = i;
  }
  if (start === -1) start = impliedByRole !== -1 ? impliedByRole : impliedByMonitor;
  return { start, stop };
}
