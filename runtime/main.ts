// The composition root: from a node's configuration to a running node. Start reading here.
//
//   configuration -> log, state directory, key -> store -> node machine (kernel and services) -> pulse (own thread)
//                 -> plugins -> the host that drives it all -> control API

import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { nodeApi } from "./api/node-api.ts";
import { openApiServer } from "./api/server.ts";
import { STORE_FOLDER } from "./host/backup.ts";
import { epochMs, nowMs } from "./host/clock.ts";
import type { NodeConfig } from "./host/config.ts";
import { createJudge, quorumUnder, wantedVotes } from "./host/judgement.ts";
import { readKeyFile } from "./host/key.ts";
import { type Log, openLog } from "./host/log.ts";
import { md5Hex } from "./host/md5.ts";
import { NodeHost } from "./host/node-host.ts";
import { createPluginHost } from "./host/plugins/host.ts";
import { startPulse } from "./host/pulse-link.ts";
import { pulseStart } from "./host/pulse-start.ts";
import { takeStateDirectory } from "./host/state-directory.ts";
import { openStore, type StoreInitial } from "./host/store.ts";
import type { Element } from "./kernel/cib/element.ts";
import { foundingCib } from "./kernel/cib/version.ts";
import type { Incarnation } from "./kernel/membership/view.ts";
import { createNode, type NodeMachine } from "./services/node.ts";
import { type Schedule, type ScheduleOptions, schedule } from "./services/scheduler/schedule.ts";
import { FEATURE_LEVEL, SYSTOLE_VERSION } from "./version.ts";

/** A node that runs in this process. */
export interface RunningNode {
  readonly log: Log;
  /** Resources move away, the node leaves the view, `ended` resolves. */
  shutdown(): void;
  /** How it ended; the process is to exit with the code (host/errors.ts). */
  readonly ended: Promise<{ readonly code: number; readonly text: string }>;
  /** Closes what is open after the end. */
  close(): Promise<void>;
}

/** One life of this node. */
interface Life {
  readonly incarnation: Incarnation;
  readonly startedEpochMs: number;
}

const POWER_DOMAIN = "SYSTOLE_POWER_DOMAIN";

const timeZoneOffsetMinutes = (): number => -new Date().getTimezoneOffset();

/** A fresh end, and what to call when it has come. */
function ending() {
  let onEnd: (code: number, text: string) => void = () => {};
  const ended = new Promise<{ readonly code: number; readonly text: string }>((resolve) => {
    onEnd = (code, text) => resolve({ code, text });
  });
  return { ended, onEnd };
}

/** What agents start belongs to the power domain of this node, if it is in one: see plugins/fence/process-power.ts. */
function childEnvironment(): Readonly<Record<string, string>> {
  const domain = process.env[POWER_DOMAIN];
  return domain === undefined ? {} : { [POWER_DOMAIN]: domain };
}

function createMachine(config: NodeConfig, life: Life, initial: StoreInitial): NodeMachine {
  return createNode(
    {
      self: config.self.id,
      incarnation: life.incarnation,
      nodes: config.nodes,
      voters: {
        votes: wantedVotes(config),
        expectedVotes: (cib) => quorumUnder(cib, config).expectedVotes,
        ...(config.arbiter === undefined ? {} : { arbiter: { cluster: config.cluster } }),
      },
      kernel: {
        quorum: (cib) => quorumUnder(cib, config),
        hash: (text) => createHash("sha256").update(text).digest("hex"),
        validateConfiguration: createJudge(config),
        persistTimeoutMs: config.persistTimeoutMs,
      },
      schedule: timedSchedule,
      md5Hex,
      cluster: config.cluster,
      random: Math.random,
      runId: randomUUID(),
      epochMs: life.startedEpochMs,
      timeZoneOffsetMinutes: timeZoneOffsetMinutes(),
      gatherMonitors: config.gatherMonitors,
    },
    { ...initial, cib: initial.cib ?? foundingCib() },
  );
}

/** The coordinator's plans, with the time that they take. */
function timedSchedule(cib: Element, options: ScheduleOptions): Schedule & { readonly tookMs: number } {
  const beganMs = nowMs();
  const plan = schedule(cib, options);
  return { ...plan, tookMs: nowMs() - beganMs };
}

/** The plan as of now with its reasons, for who asks why. The coordinator makes its own plans without them. */
function planNow(cib: Element): Schedule {
  const nowEpochSeconds = Math.floor(epochMs() / 1000);
  return schedule(cib, { nowEpochSeconds, md5Hex, timeZoneOffsetMinutes: timeZoneOffsetMinutes(), explain: true });
}

/**
 * Starts a node.
 * @throws SystoleError when something is in the way; nothing runs then.
 */
export async function startNode(config: NodeConfig): Promise<RunningNode> {
  const startedEpochMs = epochMs();
  const log = openLog({ node: config.self.name, ...config.log });
  const key = readKeyFile(config.keyFile);
  const directory = takeStateDirectory(config.stateDirectory, startedEpochMs);
  const closers: (() => Promise<void> | void)[] = [() => directory.release()];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const life = { incarnation: directory.incarnation, startedEpochMs };
    return { log, close, ...(await assemble(config, key, life, log, closers)) };
  } catch (error) {
    await close();
    throw error;
  }
}

async function assemble(
  config: NodeConfig,
  key: Uint8Array,
  life: Life,
  log: Log,
  closers: (() => Promise<void> | void)[],
): Promise<Pick<RunningNode, "shutdown" | "ended">> {
  const { self, nodes, mainSilenceMs, stateDirectory } = config;
  const store = await openStore(join(stateDirectory, STORE_FOLDER));
  closers.push(() => store.close());
  for (const { code, text } of store.initial.notes) log.write("warn", text, { code });
  const machine = createMachine(config, life, store.initial);
  const pulse = await startPulse(pulseStart(config, key, life.incarnation, FEATURE_LEVEL, machine.chain));
  closers.push(() => pulse.close());
  const plugins = createPluginHost({
    nodeName: self.name,
    stateDirectory,
    plugins: config.plugins,
    pluginsBase: config.baseDirectory,
    alertFolders: config.alertFolders,
    ...(config.arbiter === undefined ? {} : { arbiter: config.arbiter }),
    version: SYSTOLE_VERSION,
    childEnvironment: childEnvironment(),
    sandbox: config.sandbox,
    ...(config.audit === undefined ? {} : { audit: config.audit }),
    signatures: config.pluginSignatures,
    fetchBundle: (sha512) => host.fetchBundle(sha512),
    log: ({ level, text, plugin, resource }) => log.write(level, text, { plugin, resource }),
    onEvent: (event) => host.pluginEvent(event),
    onAttribute: (name, value) => host.attribute(name, value),
  });
  closers.push(() => plugins.close());
  plugins.trust.lockChanged(machine.cib);
  const { ended, onEnd } = ending();
  const host: NodeHost = new NodeHost({
    machine,
    pulse,
    store,
    plugins,
    log,
    self: self.id,
    nodes,
    mainSilenceMs,
    onEnd,
  });
  const { startedEpochMs, incarnation } = life;
  const here = { pid: process.pid, startedEpochMs, version: SYSTOLE_VERSION };
  const identity = { id: self.id, name: self.name, incarnation, featureLevel: FEATURE_LEVEL, ...here };
  const api = await openApiServer({
    path: config.socket,
    hello: { cluster: config.cluster, node: self.name, ...here },
    handlers: nodeApi({ host, plugins, pulse, config, identity, plan: planNow }),
    events: host.events,
    onBug: (error) => host.bug(error),
  });
  closers.push(() => api.close());
  host.start();
  const tookMs = epochMs() - startedEpochMs;
  log.write("info", `Node ${self.name} of cluster ${config.cluster} has started in ${tookMs} ms.`, {
    code: "started",
    ...here,
  });
  return { ended, shutdown: () => host.shutdown() };
}
