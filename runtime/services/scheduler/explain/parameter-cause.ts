// Which parameter changed. The history keeps digests only; the way back to a name is by what a digest covers.

import { digestText, restartDigestOf } from "../digests.ts";
import type { Cluster, HistoryResource, OperationDigests, Resource } from "../state.ts";
import { currentNode } from "../tree.ts";
import type { Reason } from "./reason.ts";
import type { Recorder } from "./recorder.ts";

/** What is recorded of a resource where it runs. */
function historyHere(resource: Resource): readonly HistoryResource[] {
  const ids = [resource.id, resource.historyId, resource.configId];
  return (currentNode(resource)?.history ?? []).filter((entry) => ids.includes(entry.id));
}

/** Another class, provider or type than that which was started. */
export function agentDiffers(resource: Resource): boolean {
  return historyHere(resource).some(({ element }) =>
    ["class", "provider", "type"].some((name) => element.attributes[name] !== resource.config.attributes[name]),
  );
}

/** What was found to have changed, as narrowly as that can be told. */
export function changedParameters(cluster: Cluster, recorder: Recorder, resource: Resource): Reason {
  const change = recorder.changed.get(resource);
  const about = {
    code: "parameters-changed",
    resource: resource.configId,
    ...(change === undefined ? {} : { element: change.operation.id }),
  };
  const added = change === undefined ? undefined : addedParameter(cluster, change);
  if (added !== undefined) {
    return { ...about, text: `its parameter ${added} was added since it was started` };
  }
  const names = change === undefined ? [] : restartNames(change);
  const which =
    names.length === 0 ? "its parameters have" : `a parameter that it takes only at start (${names.join(", ")}) has`;
  return { ...about, text: `${which} changed since it was started` };
}

/** What was compared when the change was found. */
export interface ParameterChange {
  readonly operation: HistoryResource["operations"][number];
  readonly digests: OperationDigests;
}

/** Without the parameter that was added, the digest is the old one. */
function addedParameter(cluster: Cluster, { operation, digests }: ParameterChange): string | undefined {
  const recorded = operation.element.attributes["op-digest"];
  const parameters = digests.parameters();
  return [...parameters.keys()].find((name) => {
    const fewer = new Map([...parameters].filter(([other]) => other !== name));
    return cluster.md5Hex(digestText(fewer)) === recorded;
  });
}

/** The agent's list of those that need a restart bounds which one it can be. */
function restartNames({ operation, digests }: ParameterChange): string[] {
  if (digests.verdict !== "restart" || restartDigestOf(operation) === undefined) return [];
  const list = operation.element.attributes["op-force-restart"]?.trim() ?? "";
  return [...new Set(list.split(/\s+/))].filter((name) => name !== "");
}
