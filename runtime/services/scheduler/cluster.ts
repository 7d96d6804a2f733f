// Stage: from a CIB to the scheduler's working state: what is configured, and what is the case now.

import { childNamed, type Element } from "../../kernel/cib/element.ts";
import { leadingInteger } from "../../model/score.ts";
import { isTrue } from "../../model/text.ts";
import { upgradeCib } from "../../model/upgrade.ts";
import { recheckBy } from "./attributes.ts";
import { Recorder } from "./explain/recorder.ts";
import { Attributes } from "./graph-attributes.ts";
import { hasReferences } from "./own-references.ts";
import type { AssignmentLine, ScheduleOptions } from "./schedule.ts";
import type { Cluster } from "./state.ts";
import { unpackNodes, unpackRemoteNodes } from "./unpack-nodes.ts";
import { haveWatchdog, readProperties } from "./unpack-options.ts";
import { unpackResources } from "./unpack-resources.ts";
import { unpackStatus } from "./unpack-status.ts";
import { VARIANTS } from "./variants.ts";

/** Follows id-ref; an index of all ids is made when the first reference is met. */
export function makeResolver(cib: Element): (element: Element) => Element | undefined {
  let index: Map<string, Element> | undefined;
  return (element) => {
    const reference = element.attributes["id-ref"];
    if (reference === undefined) return element;
    if (index === undefined) {
      index = new Map();
      addIds(cib, index);
    }
    const target = index.get(`${element.name} ${reference}`);
    const name = element.attributes["name"];
    if (target === undefined || name === undefined || element.name !== "nvpair") return target;
    // A pair may lend its value to another name.
    return { ...target, attributes: { ...target.attributes, name } };
  };
}

function addIds(element: Element, index: Map<string, Element>): void {
  const { id } = element.attributes;
  if (id !== undefined) {
    const key = `${element.name} ${id}`;
    if (!index.has(key)) index.set(key, element);
  }
  if (element.name === "status") return;
  for (const child of element.children) addIds(child, index);
}

function wantsUnfencing(resources: Element | undefined): boolean {
  const says = (pair: Element) => {
    const { name, value } = pair.attributes;
    return (name === "provides" || name === "requires") && value === "unfencing";
  };
  const search = (element: Element): boolean => {
    if (element.name === "meta_attributes") return element.children.some(says);
    return element.children.some(search);
  };
  return resources !== undefined && search(resources);
}

function makeCluster(cib: Element, options: ScheduleOptions): Cluster {
  const configuration = childNamed(cib, "configuration");
  const resolve = makeResolver(cib);
  const zoneMinutes = options.timeZoneOffsetMinutes ?? 0;
  const now = options.nowEpochSeconds;
  const moments: number[] = [];
  const properties = readProperties(cib, {
    nowEpochSeconds: now,
    zoneMinutes,
    resolve,
    changesAt: (at) => void moments.push(at),
  });
  const resources = childNamed(configuration, "resources");
  const assignment: AssignmentLine[] = [];
  const resourceDefaults = childNamed(configuration, "rsc_defaults");
  const cluster: Cluster = {
    cib,
    now,
    zoneMinutes,
    md5Hex: options.md5Hex,
    secretsRemoved: options.secretsRemoved ?? false,
    featureSet: cib.attributes["crm_feature_set"],
    variants: VARIANTS,
    properties,
    quorate: isTrue(cib.attributes["have-quorum"]),
    haveFencing: haveWatchdog(properties),
    haveRemoteNodes: false,
    hasReferences: hasReferences(resources),
    unfencing: wantsUnfencing(resources) || wantsUnfencing(resourceDefaults),
    nodes: [],
    sortedNodes: [],
    nodeByName: new Map(),
    nodeById: new Map(),
    coordinator: undefined,
    resources: [],
    resourcesById: new Map(),
    resourcesByHistoryId: new Map(),
    nextSerial: 0,
    templates: new Map(),
    tags: new Map(),
    tickets: new Map(),
    resolve,
    changesAt: (at) => recheckBy(cluster, at),
    resourceDefaults,
    operationDefaults: childNamed(configuration, "op_defaults"),
    actions: [],
    singletons: new Map(),
    nextActionId: 1,
    metaNames: new Map(),
    graphAttributes: new Attributes(),
    orderings: [],
    locations: [],
    parameterChecks: [],
    stopNeeded: [],
    failed: [],
    recheckAt: 0,
    announcedRecheckAt: 0,
    problems: [],
    scores: options.withScores ? assignment : undefined,
    capacities: options.withUtilization ? assignment : undefined,
    explain: options.explain ? new Recorder(() => cluster) : undefined,
    notices: [],
    graphed: [],
    summary: [],
    updateDepth: 0,
    actionChanges: 0,
  };
  for (const moment of moments) recheckBy(cluster, moment);
  return cluster;
}

function unpackTags(cluster: Cluster): void {
  const section = childNamed(childNamed(cluster.cib, "configuration"), "tags");
  for (const tag of section?.children ?? []) {
    const { id } = tag.attributes;
    if (tag.name !== "tag" || id === undefined) continue;
    const members = cluster.tags.get(id) ?? [];
    for (const reference of tag.children) {
      const member = reference.attributes["id"];
      if (reference.name === "obj_ref" && member !== undefined && !members.includes(member)) members.push(member);
    }
    cluster.tags.set(id, members);
  }
}

/** Reads configuration and status; nothing is decided yet. */
export function readCluster(written: Element, options: ScheduleOptions): Cluster {
  const cib = upgradeCib(written);
  const cluster = makeCluster(cib, options);
  unpackNodes(cluster);
  const section = childNamed(childNamed(cib, "configuration"), "resources");
  const guests = unpackRemoteNodes(cluster, section);
  unpackResources(cluster, section, guests);
  cluster.explain?.laidDown();
  unpackTags(cluster);
  unpackStatus(cluster);
  if (cluster.properties.fencingEnabled && !cluster.haveFencing && cluster.resources.length > 0) {
    cluster.problems.push({
      severity: "error",
      code: "no-fence-device",
      text: "Fencing is enabled but there is no fence device, so no resource is started. Configure a fence device, or set fencing-enabled=false if nothing is shared between nodes.",
    });
  }
  return cluster;
}

/** When the CIB itself says at which second it is to be looked at. */
export function executionDate(cib: Element): number | undefined {
  const text = cib.attributes["execution-date"];
  const value = text === undefined ? undefined : leadingInteger(text);
  return value === 0 ? undefined : value;
}
