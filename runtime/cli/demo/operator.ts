// What the demonstration does as its cluster's operator: give it a configuration, move the web server, and judge from the
// outside whether everything runs.

import { randomUUID } from "node:crypto";
import type { ApiClient } from "../../api/client.ts";
import { parseXml } from "../../compat/xml.ts";
import { SystoleError } from "../../host/errors.ts";
import { coordinatorOf } from "../../kernel/membership/view.ts";
import type { CibEdit } from "../../kernel/messages.ts";
import { clearEdits, moveEdits } from "../../model/edits/move.ts";
import type { ClusterStatus, ResourceStatus } from "../../model/status/schema.ts";
import { statusOfReport } from "../status-of-report.ts";
import { type DemoCluster, type DemoNode, POWER_MARKER } from "./cluster.ts";
import { type DemoSettings, demoConfiguration } from "./cluster-xml.ts";
import type { NodeReport } from "./watch.ts";

const CHANGE_TIMEOUT_MS = 15_000;
const WHO = "demo";

/** What the configuration of this cluster is made from. */
export function configurationOf(cluster: DemoCluster): DemoSettings {
  return {
    nodes: cluster.nodes,
    webAddress: cluster.webAddress,
    webPort: cluster.webPort,
    nodeProgram: cluster.nodeProgram,
    webProgram: cluster.webProgram,
    powerMarker: POWER_MARKER,
    powerPrefix: cluster.directory,
  };
}

/** Gives the cluster its resources. */
export async function configure(cluster: DemoCluster, client: ApiClient): Promise<void> {
  const element = parseXml(demoConfiguration(configurationOf(cluster)));
  await change(client, [{ edit: "replace-configuration", element }], "give the demonstration its resources");
}

/** Moves the web server to a node, or (undefined) gives it free again. */
export async function placeWeb(client: ApiClient, node: string | undefined): Promise<void> {
  const { element } = await client.call("cib-query", {}, { timeoutMs: CHANGE_TIMEOUT_MS });
  const edits = node === undefined ? clearEdits(element, "web") : moveEdits(element, "web", { to: node });
  if ("refused" in edits) throw new SystoleError("not-found", edits.refused);
  await change(client, edits.edits, node === undefined ? "let web run anywhere again" : `move web to ${node}`);
}

/** Makes a change and waits until it is acknowledged. */
export async function change(client: ApiClient, edits: readonly CibEdit[], why: string): Promise<void> {
  const request = { id: randomUUID(), edits: [...edits], who: WHO, why };
  const outcome = await client.call("cib-change", { change: request }, { timeoutMs: CHANGE_TIMEOUT_MS });
  if (outcome.outcome !== "done") {
    throw new SystoleError("not-found", `The cluster did not accept the change to ${why}: ${outcome.reason}`);
  }
}

/** The report of the coordinator of an established primary view; undefined while there is none. */
export function actingCoordinator(reports: readonly NodeReport[]): NodeReport | undefined {
  return reports.find(({ node, report: { standing } }) => {
    return standing?.established === true && standing.primary && coordinatorOf(standing.view) === node.id;
  });
}

/** The same, once its view has that many members. */
export function settledCoordinator(reports: readonly NodeReport[], members: number): NodeReport | undefined {
  const coordinator = actingCoordinator(reports);
  return coordinator?.report.standing?.view.members.length === members ? coordinator : undefined;
}

/** Where `web` runs when every resource runs as it should and nobody is at work; undefined otherwise. */
export function settledWeb(
  reports: readonly NodeReport[],
  members: number,
): { status: ClusterStatus; web: string } | undefined {
  const coordinator = settledCoordinator(reports, members);
  if (coordinator === undefined) return undefined;
  const status = statusOfReport(coordinator.report);
  const online = status.nodes.filter((node) => node.state === "online");
  if (online.length !== members || status.nodes.some((node) => node.state === "unclean")) return undefined;
  if (!everythingRuns(status.resources, online.length)) return undefined;
  const web = runsOn(status.resources, "web");
  return web === undefined ? undefined : { status, web };
}

/** The node on which a primitive is active. */
export function runsOn(resources: readonly ResourceStatus[], id: string): string | undefined {
  for (const resource of resources) {
    const active = resource.id === id ? resource.activities.find((one) => one.role !== "Stopped") : undefined;
    const found = active?.node ?? runsOn(resource.members, id);
    if (found !== undefined) return found;
  }
  return undefined;
}

function everythingRuns(resources: readonly ResourceStatus[], instances: number): boolean {
  return resources.every((resource) => {
    if (resource.kind === "primitive") return isActive(resource, 1);
    if (resource.kind === "group") return everythingRuns(resource.members, instances);
    const promoted = resource.members.some((one) => one.activities.some((activity) => activity.role === "Promoted"));
    if (resource.kind === "promotable" && !promoted) return false;
    return resource.members.every((member) => isActive(member, instances));
  });
}

function isActive(resource: ResourceStatus, instances: number): boolean {
  const active = resource.activities.filter(
    (one) => one.role !== "Stopped" && one.pending === undefined && !one.failed,
  );
  return active.length === instances;
}

/** The demo's node of that name. */
export function nodeNamed(cluster: DemoCluster, name: string): DemoNode {
  const node = cluster.nodes.find((one) => one.name === name);
  if (node === undefined) throw new SystoleError("not-found", `The demonstration has no node called ${name}.`);
  return node;
}
