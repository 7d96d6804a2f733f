// Stage: bundles. A bundle is written as one thing and stands for several: for each replica a container, an address, a
// connection to the executor inside, the node that this makes, and an instance of what runs there.
// Source of the parts and their parameters: Pacemaker Explained, "Bundles", and transition graphs of clusters with bundles.

import { childNamed, type Element, element } from "../../kernel/cib/element.ts";
import { INFINITY } from "../../model/score.ts";
import { parseBoolean } from "../../model/text.ts";
import { integerAtLeast } from "./attributes.ts";
import { limitedInstances } from "./instance-limits.ts";
import { add, emptyTable, has, insert } from "./node-table.ts";
import { type Cluster, type Node, ProbeMode, type Replica, type Resource } from "./state.ts";
import { findNode } from "./tree.ts";
import { connectionElement, createNode } from "./unpack-nodes.ts";

const REMOTE_PORT = "3121";
const REMOTE_KEY = "/etc/pacemaker/authkey";
const BUNDLE_LOGS = "/var/log/pacemaker/bundles";
const REMOTE_EXECUTOR = "/usr/sbin/pacemaker-remoted";
/** How much an instance wants the node that its own container is. */
const OWN_NODE_SCORE = 500;

type Unpack = (
  cluster: Cluster,
  config: Element,
  parent: Resource | undefined,
  instance?: string,
) => Resource | undefined;

interface Mount {
  readonly source: string;
  readonly target: string;
  readonly options: string | undefined;
  readonly subdirectory: boolean;
}

interface BundleSpec {
  readonly prefix: string;
  readonly agent: "docker" | "podman";
  readonly container: Element;
  readonly promotedMax: number;
  readonly replicas: number;
  readonly perHost: number;
  readonly addressStart: string | undefined;
  readonly netmask: string | undefined;
  readonly hostInterface: string | undefined;
  readonly controlPort: string | undefined;
  readonly addHost: boolean;
  readonly ports: { readonly source: string; readonly target: string }[];
  readonly mounts: Mount[];
  readonly primitive: Element | undefined;
  hostOptions: string;
}

function problem(cluster: Cluster, code: string, id: string, text: string): void {
  cluster.problems.push({ severity: "error", code, element: id, text });
}

/** Reads a bundle; false when it cannot be used. */
export function unpackBundle(cluster: Cluster, bundle: Resource, unpack: Unpack): boolean {
  const spec = readSpec(cluster, bundle);
  if (spec === undefined) return false;
  if (spec.perHost === 1) bundle.unique = false;
  const child = spec.primitive === undefined ? undefined : unpackInside(cluster, bundle, spec, spec.primitive, unpack);
  if (spec.primitive !== undefined && child === undefined) return false;
  const made: Replica[] = [];
  let address: string | undefined;
  const count = child === undefined ? spec.replicas : child.children.length;
  const drafts: { offset: number; address: string | undefined; child: Resource | undefined }[] = [];
  for (let offset = 0; offset < count; offset += 1) {
    if (spec.addressStart !== undefined) {
      address = address === undefined ? spec.addressStart : nextAddress(address);
      const host = `${spec.prefix}-${offset}`;
      spec.hostOptions += spec.addHost ? ` --add-host=${host}:${address}` : ` --hosts-entry=${address}=${host}`;
    }
    const instance = child?.children[offset];
    if (child !== undefined && instance !== undefined) {
      instance.exclusiveProbes = true;
      if (instance.notify) child.notify = true;
      copyAttributeTarget(bundle, child, instance);
    }
    drafts.push({ offset, address, child: instance });
  }
  bundle.bundle = { replicasPerHost: spec.perHost, replicaCount: spec.replicas, child, replicas: made };
  for (const draft of drafts) {
    const replica = makeReplica(cluster, bundle, spec, draft, unpack);
    if (replica === undefined) return false;
    made.push(replica);
  }
  if (child !== undefined) bundle.children.push(child);
  return true;
}

function copyAttributeTarget(bundle: Resource, clone: Resource, instance: Resource): void {
  const target = instance.meta.get("container-attribute-target");
  if (target === undefined) return;
  bundle.meta.set("container-attribute-target", target);
  clone.meta.set("container-attribute-target", target);
}

function readSpec(cluster: Cluster, bundle: Resource): BundleSpec | undefined {
  const docker = childNamed(bundle.config, "docker");
  const container = docker ?? childNamed(bundle.config, "podman");
  if (container === undefined) {
    problem(
      cluster,
      "bundle-without-container",
      bundle.id,
      `Bundle "${bundle.id}" has neither <docker> nor <podman>, so it is ignored.`,
    );
    return undefined;
  }
  const network = childNamed(bundle.config, "network");
  const promotedMax = integerAtLeast(container.attributes["promoted-max"] ?? container.attributes["masters"], 0);
  const replicasText = container.attributes["replicas"];
  const wanted = replicasText === undefined && promotedMax > 0 ? promotedMax : integerAtLeast(replicasText, 1);
  const replicas = limitedInstances(cluster, bundle, "replicas", wanted);
  const addressStart = network?.attributes["ip-range-start"];
  const controlPort = network?.attributes["control-port"];
  const primitive = childNamed(bundle.config, "primitive");
  if (primitive !== undefined && addressStart === undefined && controlPort === undefined) {
    problem(
      cluster,
      "bundle-without-network",
      bundle.id,
      `Bundle "${bundle.id}" has a resource inside, but neither ip-range-start nor control-port to reach it, so it is ignored. Set one of them in <network>.`,
    );
    return undefined;
  }
  let perHost = integerAtLeast(container.attributes["replicas-per-host"], 1);
  if (primitive !== undefined && addressStart === undefined && perHost > 1) perHost = 1;
  const mounts = readMounts(bundle);
  const ports = readPorts(network);
  if (primitive !== undefined) {
    const needLogs = !mounts.some((mount) => mount.target === "/var/log");
    mounts.push({ source: REMOTE_KEY, target: REMOTE_KEY, options: undefined, subdirectory: false });
    if (needLogs) mounts.push({ source: BUNDLE_LOGS, target: "/var/log", options: undefined, subdirectory: true });
    const port = controlPort ?? REMOTE_PORT;
    ports.push({ source: port, target: port });
  }
  return {
    prefix: bundle.id,
    agent: docker === undefined ? "podman" : "docker",
    container,
    promotedMax,
    replicas,
    perHost,
    addressStart,
    netmask: network?.attributes["host-netmask"],
    hostInterface: network?.attributes["host-interface"],
    controlPort,
    addHost: parseBoolean(network?.attributes["add-host"]) ?? true,
    ports,
    mounts,
    primitive,
    hostOptions: "",
  };
}

function readPorts(network: Element | undefined): { source: string; target: string }[] {
  const ports: { source: string; target: string }[] = [];
  for (const mapping of network?.children ?? []) {
    if (mapping.name !== "port-mapping") continue;
    const { port, range, "internal-port": internal } = mapping.attributes;
    const source = port ?? range;
    if (source) ports.push({ source, target: (port === undefined ? undefined : internal) ?? source });
  }
  return ports;
}

function readMounts(bundle: Resource): Mount[] {
  const mounts: Mount[] = [];
  for (const mapping of childNamed(bundle.config, "storage")?.children ?? []) {
    if (mapping.name !== "storage-mapping") continue;
    const { "source-dir": directory, "source-dir-root": root, "target-dir": target, options } = mapping.attributes;
    const source = directory ?? root;
    if (source && target) mounts.push({ source, target, options, subdirectory: directory === undefined });
  }
  return mounts;
}

/** The clone of what runs inside. */
function unpackInside(
  cluster: Cluster,
  bundle: Resource,
  spec: BundleSpec,
  primitive: Element,
  unpack: Unpack,
): Resource | undefined {
  const promotable = spec.promotedMax > 0;
  const pair = (name: string, value: string) =>
    element("nvpair", { id: `${spec.prefix}-clone-meta-${name}`, name, value });
  const meta = element("meta_attributes", { id: `${spec.prefix}-clone-meta` }, [
    pair("ordered", "true"),
    pair("clone-max", String(spec.replicas)),
    pair("clone-node-max", String(spec.perHost)),
    pair("globally-unique", String(spec.perHost > 1)),
    ...(promotable ? [pair("promotable", "true"), pair("promoted-max", String(spec.promotedMax))] : []),
  ]);
  const id = `${spec.prefix}-${promotable ? "master" : "clone"}`;
  return unpack(cluster, element("clone", { id }, [meta, primitive]), bundle);
}

/** The next address after one; undefined at the end of what a bundle may count through. */
function nextAddress(address: string): string | undefined {
  const parts = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)?.slice(1).map(Number);
  if (parts === undefined) return undefined;
  const [one = 0, two = 0, three = 0, four = 0] = parts;
  if (three > 253) return undefined;
  return four > 253 ? `${one}.${two}.${three + 1}.1` : `${one}.${two}.${three}.${four + 1}`;
}

/** What may stand in an XML id. */
function safeId(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/g, ".");
}

function makeReplica(
  cluster: Cluster,
  bundle: Resource,
  spec: BundleSpec,
  draft: { offset: number; address: string | undefined; child: Resource | undefined },
  unpack: Unpack,
): Replica | undefined {
  const container = unpack(cluster, containerElement(spec, draft), bundle);
  if (container === undefined) return undefined;
  container.replicaContainer = true;
  bundle.children.push(container);
  const replica: Replica = { ...draft, container, ip: undefined, remote: undefined, node: undefined };
  if (spec.addressStart !== undefined && draft.address !== undefined) {
    replica.ip = unpack(cluster, addressElement(spec, draft.offset, draft.address), bundle);
    if (replica.ip === undefined) return undefined;
    bundle.children.push(replica.ip);
  }
  if (draft.child !== undefined) {
    if (!makeConnection(cluster, bundle, spec, replica, draft.child, unpack)) return undefined;
    if (draft.address !== undefined) draft.child.meta.set("external-ip", draft.address);
    if (replica.remote !== undefined) replica.remote.nestingAllowed = true;
    // What the inner resource uses up, the machine of its container must have.
    const none = container.utilization;
    container.utilization = draft.child.utilization;
    draft.child.utilization = none;
  }
  return replica;
}

function runOptions(spec: BundleSpec, draft: { offset: number; address: string | undefined }): [string, string] {
  const host = `${spec.prefix}-${draft.offset}`;
  const { network, options } = spec.container.attributes;
  const directories: string[] = [];
  let text = spec.agent === "docker" ? " --restart=no" : "";
  if (spec.addressStart !== undefined) text += ` -h ${host}`;
  text += " -e PCMK_stderr=1";
  if (network !== undefined) text += ` --net=${network}`;
  text += ` -e PCMK_remote_port=${spec.controlPort ?? REMOTE_PORT}`;
  for (const mount of spec.mounts) {
    const source = mount.subdirectory ? `${mount.source}/${host}` : mount.source;
    if (mount.subdirectory) directories.push(source);
    text += ` -v ${source}:${mount.target}${mount.options === undefined ? "" : `:${mount.options}`}`;
  }
  for (const port of spec.ports) {
    if (draft.address !== undefined) text += ` -p ${draft.address}:${port.source}:${port.target}`;
    else if (network !== "host") text += ` -p ${port.source}:${port.target}`;
  }
  if (options !== undefined) text += ` ${options}`;
  return [`${text} ${spec.hostOptions}`, directories.join(",")];
}

function containerElement(
  spec: BundleSpec,
  draft: { offset: number; address: string | undefined; child: Resource | undefined },
): Element {
  const id = safeId(`${spec.prefix}-${spec.agent}-${draft.offset}`);
  const set = `${spec.prefix}-attributes-${draft.offset}`;
  const pair = (name: string, value: string) => element("nvpair", { id: `${set}-${name}`, name, value });
  const [options, directories] = runOptions(spec, draft);
  const command = spec.container.attributes["run-command"] ?? (draft.child === undefined ? undefined : REMOTE_EXECUTOR);
  const parameters = [
    pair("image", spec.container.attributes["image"] ?? ""),
    pair("allow_pull", "true"),
    pair("force_kill", "false"),
    pair("reuse", "false"),
    pair("run_opts", options),
    pair("mount_points", directories),
    ...(command === undefined ? [] : [pair("run_cmd", command)]),
    pair("monitor_cmd", "/bin/true"),
  ];
  return element("primitive", { id, class: "ocf", provider: "heartbeat", type: spec.agent }, [
    element("instance_attributes", { id: set }, parameters),
    element("operations", {}, [element("op", { id: `${id}-monitor-60s`, interval: "60s", name: "monitor" })]),
  ]);
}

function addressElement(spec: BundleSpec, offset: number, address: string): Element {
  const id = safeId(`${spec.prefix}-ip-${address}`);
  const set = `${spec.prefix}-attributes-${offset}`;
  const pair = (name: string, value: string) => element("nvpair", { id: `${set}-${name}`, name, value });
  const parameters = [
    pair("ip", address),
    ...(spec.hostInterface === undefined ? [] : [pair("nic", spec.hostInterface)]),
    pair("cidr_netmask", spec.netmask ?? "32"),
  ];
  return element("primitive", { id, class: "ocf", provider: "heartbeat", type: "IPaddr2" }, [
    element("instance_attributes", { id: set }, parameters),
    element("operations", {}, [element("op", { id: `${id}-monitor-60s`, interval: "60s", name: "monitor" })]),
  ]);
}

/** The connection to the executor inside the container, and the node that this is. */
function makeConnection(
  cluster: Cluster,
  bundle: Resource,
  spec: BundleSpec,
  replica: Replica,
  child: Resource,
  unpack: Unpack,
): boolean {
  let id = `${spec.prefix}-${replica.offset}`;
  if (cluster.resourcesById.has(id)) id = `pcmk-internal-${child.id}-remote-${replica.offset}`;
  const config = connectionElement({
    name: id,
    container: replica.container.id,
    address: replica.address ?? "#uname",
    port: spec.controlPort ?? REMOTE_PORT,
  });
  const node = findNode(cluster, id) ?? createNode(cluster, id, id, true, -INFINITY);
  node.baseScore = -INFINITY;
  node.baseProbe = ProbeMode.Never;
  for (const resource of cluster.resources) disallow(resource, node);
  replica.node = node;
  child.allowed = emptyTable();
  insert(child.allowed, node, OWN_NODE_SCORE);
  child.allowed.probes[node.index] = ProbeMode.Exclusive;
  if (child.parent !== undefined) {
    insert(child.parent.allowed, node, -INFINITY);
    child.parent.allowed.probes[node.index] = ProbeMode.Exclusive;
  }
  const remote = unpack(cluster, config, bundle);
  if (remote === undefined) return false;
  for (const other of cluster.nodes) {
    if (other.remoteKind && has(remote.allowed, other)) remote.allowed.scores[other.index] = -INFINITY;
  }
  node.remote = remote;
  remote.launcher = replica.container;
  node.attributes.set("#kind", "container");
  replica.remote = remote;
  bundle.children.push(remote);
  return true;
}

/** Nothing else may run inside a bundle's container. */
function disallow(resource: Resource, node: Node): void {
  if (has(resource.allowed, node)) {
    add(resource.allowed, node, -INFINITY);
    resource.allowed.probes[node.index] = ProbeMode.Never;
  }
  for (const child of resource.children) disallow(child, node);
}
