// What the controller does, in sentences: what happens, to what, because of what.

import type { OperationResult } from "../messages.ts";
import type { GraphAction } from "../transition.ts";

const VERBS: Readonly<Record<string, string>> = {
  start: "starts",
  stop: "stops",
  promote: "is promoted",
  demote: "is demoted",
  migrate_to: "begins to move away",
  migrate_from: "moves in",
  "reload-agent": "reloads its parameters",
  reload: "reloads its parameters",
};

const DONE: Readonly<Record<string, string>> = {
  start: "runs",
  stop: "has stopped",
  promote: "is promoted",
  demote: "is demoted",
  migrate_to: "has left",
  migrate_from: "has arrived",
  "reload-agent": "has reloaded its parameters",
  reload: "has reloaded its parameters",
};

const RESULTS: Readonly<Record<number, string>> = {
  0: "it runs",
  1: "an error",
  2: "its parameters are wrong",
  3: "the agent does not know this action",
  4: "it lacks privileges",
  5: "something is not installed",
  6: "it is not configured",
  7: "it is not running",
  8: "it runs promoted",
  9: "it failed while promoted",
};

/** What an action is about to do; undefined for probes, monitors and notifications, which nobody needs to read. */
export function actionWords(action: GraphAction): string | undefined {
  const verb = VERBS[action.operation];
  if (verb === undefined || action.primitive === undefined) return undefined;
  const subject = action.primitive.id;
  return `${subject} ${verb} on ${action.node ?? "?"}${because(action)}`;
}

/** ", because ..." where a cause is known. */
export function because(action: GraphAction): string {
  const text = action.cause?.text;
  if (text === undefined || text === "") return "";
  return /^(because|since|as|for)\b/i.test(text) ? ` ${text}` : ` because ${text}`;
}

/** What an operation has come to; undefined where that is not worth a line. */
export function resultWords(result: OperationResult, node: string, failed: boolean): string | undefined {
  const { operation } = result;
  const subject = operation.resource.id;
  const tookMs = Math.round(result.execTimeMs);
  if (!failed) {
    const done = DONE[operation.action];
    return done === undefined ? undefined : `${subject} ${done} on ${node} (${operation.action} took ${tookMs} ms)`;
  }
  if (operation.action === "monitor" && operation.intervalMs === 0) {
    return `a look at ${subject} on ${node} found ${foundWords(result)}`;
  }
  const what = result.status === "timeout" ? "was not done in time" : `failed: ${foundWords(result)}`;
  return `${operation.action} of ${subject} on ${node} ${what}${detail(result)}`;
}

function foundWords(result: OperationResult): string {
  return RESULTS[result.rc] ?? `result ${result.rc}`;
}

function detail(result: OperationResult): string {
  return result.reason === "" ? "" : ` (${result.reason})`;
}

/** A place in the CIB, `/cib/status/node_state[1]/transient_attributes[1]`, as people call it. */
export function placeWords(path: string, nodeNameOf: (id: string) => string): string {
  const [, , section = "", part = "", detail = ""] = path.split("/");
  if (section === "configuration") return part === "" ? "the configuration" : `the configuration (${plain(part)})`;
  const id = /\[(.*)\]/.exec(part)?.[1];
  if (section !== "status" || id === undefined) return "the CIB";
  const node = nodeNameOf(id);
  if (plain(detail) === "transient_attributes") return `an attribute of ${node}`;
  if (plain(detail) === "lrm") return `what ${node} has done`;
  return `the state of ${node}`;
}

/** A step without its id. */
function plain(step: string): string {
  return step.replace(/\[.*\]/, "");
}
