// What a node answers to the requests of the control API.

import { epochMs, nowMs } from "../host/clock.ts";
import type { NodeConfig } from "../host/config.ts";
import { SystoleError } from "../host/errors.ts";
import type { NodeHost } from "../host/node-host.ts";
import { PluginError } from "../host/plugins/plugin-error.ts";
import type { PluginHost } from "../host/plugins/types.ts";
import type { PulseLink } from "../host/pulse-link.ts";
import type { TransportReport } from "../host/pulse-protocol.ts";
import { childNamed, type Element } from "../kernel/cib/element.ts";
import { versionOf } from "../kernel/cib/version.ts";
import { didYouMean } from "../model/nearest.ts";
import type { Schedule } from "../services/scheduler/schedule.ts";
import { documentAt, historyOf } from "./history.ts";
import type { ApiParams, ApiResult, StatusReport } from "./schema.ts";
import type { ApiHandlers } from "./server.ts";
import { recordedWho } from "./who.ts";

/** What the answers are made of. */
export interface NodeApiParts {
  readonly host: NodeHost;
  readonly plugins: PluginHost;
  readonly pulse: PulseLink;
  readonly config: NodeConfig;
  readonly identity: StatusReport["node"];
  /** The plan for a CIB as of now. */
  readonly plan: (cib: Element) => Schedule;
}

/** The handlers of a node. */
export function nodeApi(parts: NodeApiParts): ApiHandlers {
  const { host, plugins } = parts;
  const open = (): void => {
    if (host.stopping)
      throw new SystoleError("stopping", "This node is stopping and takes nothing new. Ask another node.");
  };
  return {
    status: async () => statusOf(parts, await parts.pulse.report()),
    "cib-query": ({ section }) => queryCib(host.cib, section),
    "cib-history": ({ limit }) => ({ changes: historyOf(host, limit) }),
    "cib-document": ({ number }) => documentAt(host, number),
    backup: () => ({
      cluster: parts.config.cluster,
      primary: host.standing?.primary === true,
      snapshot: host.stored,
    }),
    "cib-change": async ({ change }) => {
      open();
      return await host.change({ ...change, who: recordedWho(change.who) });
    },
    request: async ({ request }) => {
      open();
      return await host.request({ ...request, who: recordedWho(request.who) });
    },
    "plugin-list": async () => ({ plugins: await plugins.list() }),
    "plugin-describe": async ({ name }) => {
      const found = await plugins.describe(name);
      if (found.length > 0) return { plugins: found };
      const names = (await plugins.list()).map((plugin) => plugin.name);
      throw new SystoleError("not-found", `There is no plugin "${name}" on this node.${didYouMean(name, names)}`);
    },
    "plugin-offer": async ({ bytes, signatures }) => {
      open();
      return asRefusal(plugins.trust.offer(Uint8Array.from(Buffer.from(bytes, "base64")), signatures));
    },
    "plugin-verify": async () => ({ plugins: await asRefusal(plugins.trust.verify()) }),
    "plugin-prove": async (wish) => {
      open();
      return asRefusal(proveEverywhere(parts, wish));
    },
    why: ({ resource }) => explain(parts, resource),
    "start-override": ({ who }) => {
      host.startOverride(recordedWho(who));
      return { accepted: true };
    },
    shutdown: () => {
      host.shutdown();
      return { accepted: true };
    },
  };
}

/** What is wrong with a plugin is no bug of the node. */
async function asRefusal<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    throw error instanceof PluginError ? new SystoleError("plugin-invalid", error.message) : error;
  }
}

/** All members at the same time, each bounded; a node that is no member now compares when it comes. */
async function proveEverywhere(
  { host, plugins, config }: NodeApiParts,
  wish: ApiParams<"plugin-prove">,
): Promise<ApiResult<"plugin-prove">> {
  const others = host.proveOnOthers(wish);
  const own = await plugins.trust.prove(wish);
  const answered = await others;
  const nodes = config.nodes
    .filter(({ id }) => id !== config.self.id)
    .map(({ id, name }) => {
      const text = "it is not in the cluster now; when it comes, it compares before it switches.";
      const { state = "absent" as const, text: said = text } = answered.find((one) => one.id === id) ?? {};
      return { node: name, state, text: said };
    });
  const good = own.good && nodes.every(({ state }) => state === "proven" || state === "absent");
  return { ...own, good, nodes };
}

function queryCib(cib: Element, section: "configuration" | "status" | undefined): ApiResult<"cib-query"> {
  const element = section === undefined ? cib : childNamed(cib, section);
  if (element === undefined) {
    throw new SystoleError(
      "not-found",
      `The CIB has no section "${section}" yet. Ask again when the node has joined the cluster.`,
    );
  }
  return { version: versionOf(cib), element };
}

function explain({ host, plan }: NodeApiParts, resource: string): ApiResult<"why"> {
  const { placements } = plan(host.cib);
  const wanted = placements.filter(
    (placement) => placement.resource === resource || placement.resource.startsWith(`${resource}:`),
  );
  if (wanted.length === 0) {
    const names = placements.map((placement) => placement.resource);
    throw new SystoleError("not-found", `There is no resource "${resource}".${didYouMean(resource, names)}`);
  }
  const { standing } = host;
  return { placements: wanted, ...(standing === undefined ? {} : { standing: standing }) };
}

function statusOf(parts: NodeApiParts, report: TransportReport): StatusReport {
  const { host, plugins, config, identity } = parts;
  const { standing, transition, heldSinceMs } = host;
  const atMs = nowMs();
  return {
    cluster: config.cluster,
    node: identity,
    epochMs: epochMs(),
    nodes: config.nodes.map(({ id, name, votes }) => ({ id, name, votes })),
    ...(standing === undefined ? {} : { standing: standing }),
    cib: host.cib,
    transport: {
      name: config.transport.name,
      links: config.self.links.map(({ address, port }) => `${address} port ${port}`),
      peers: report.peers.map(({ number, name, links, sent, received, dropped, lastDrop }) => ({
        id: number,
        name,
        links: links.map(({ address, silenceMs }) => ({ address, ...(silenceMs === undefined ? {} : { silenceMs }) })),
        sent,
        received,
        dropped,
        ...(lastDrop === undefined ? {} : { lastDrop }),
      })),
    },
    inFlight: plugins.inFlight(),
    plugins: plugins.standing(),
    operations: host.operations.map(({ what, sinceMs }) => ({ what, sinceMs: Math.max(0, atMs - sinceMs) })),
    ...(transition === undefined ? {} : { transition }),
    fencingHistory: host.fencingHistory,
    acceptsLoss: config.quorum.acceptLoss,
    alertProblems: host.alertProblems,
    ...(host.arbiter === undefined ? {} : { arbiter: host.arbiter }),
    ...(heldSinceMs === undefined ? {} : { heldSinceMs: Math.max(0, atMs - heldSinceMs) }),
    longestLagMs: Math.max(0, host.longestLagMs),
    stateDirectory: config.stateDirectory,
    stopping: host.stopping,
  };
}
