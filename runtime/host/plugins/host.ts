// The plugin host of a node: joins loader, instances and calls, and is what the node's driver talks to.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { PluginKind } from "../../../sdk/mod.ts";
import type { AgentOutcome, AlertOutcome, DeviceOutcome } from "../../services/calls.ts";
import { AgentCalls } from "./agents.ts";
import { AlertCalls } from "./alert-sinks.ts";
import { ArbiterCalls } from "./arbiters.ts";
import { openAudit } from "./audit.ts";
import { type CallPlan, createCalls } from "./calls.ts";
import { openDaemons } from "./daemons.ts";
import { describePlugin } from "./describe.ts";
import { planDeviceCall } from "./devices.ts";
import { warmFetch } from "./fetch.ts";
import type { InstanceSurroundings } from "./instance.ts";
import { openLimits } from "./limits.ts";
import type { FoundPlugin } from "./loader.ts";
import { NOBODY } from "./sandbox/program.ts";
import { openResidents } from "./sandbox/residents.ts";
import { openStateStore } from "./state.ts";
import { Probes } from "./trust/probes.ts";
import { openAgreed, withAgreed } from "./trust/with-agreed.ts";
import type { PluginHost, PluginHostOptions } from "./types.ts";

/** How long `close` waits for plugins to notice that their calls are over. */
const CLOSE_GRACE_MS = 200;
/** How long `close` waits for daemons that are to be stopped. */
const STOP_DAEMONS_MS = 15_000;

/** The kinds that a name can mean, by what stands before it. */
const MEANT: Readonly<Record<string, readonly PluginKind[]>> = {
  "ocf:systole:": ["resource-agent"],
  "stonith:systole:": ["fence-device"],
  "systole:": ["fence-device", "alert"],
};

/** Whether a plugin is what somebody calls `ocf:systole:NAME`, `systole:NAME` or NAME. */
function isMeant(name: string, { name: own, kind }: FoundPlugin): boolean {
  const before = Object.keys(MEANT).find((prefix) => name.startsWith(prefix)) ?? "";
  const kinds = MEANT[before];
  return own === name.slice(before.length) && (kinds === undefined || (kind !== undefined && kinds.includes(kind)));
}

function tellProblems(found: readonly FoundPlugin[], onEvent: PluginHostOptions["onEvent"]): void {
  for (const { problem } of found) {
    if (problem !== undefined)
      onEvent({ kind: "plugin", code: problem.code, text: problem.message, severity: "error" });
  }
}

/** What all instances of plugins on a node have around them. */
function openSurroundings(options: PluginHostOptions, folder: string) {
  const { nodeName, log, onEvent, onAttribute } = options;
  const childEnvironment = { ...options.childEnvironment, SYSTOLE_NODE: nodeName };
  const states = openStateStore(join(folder, "state"));
  const daemons = openDaemons({ states, outputFolder: join(folder, "output"), childEnvironment });
  const audit =
    options.audit === undefined ? undefined : openAudit(options.audit, (text) => log({ level: "error", text }));
  const around: InstanceSurroundings = {
    ...{ nodeName, states, daemons, childEnvironment, log, onEvent, onAttribute },
    limits: openLimits(onEvent),
    ...(audit === undefined ? {} : { onUse: (use) => audit.write(use) }),
  };
  return { around, daemons, audit };
}

/**
 * Opens the plugin host. Plugins that the configuration names are looked at in the background from now on, so that the log
 * tells what is wrong with them.
 */
export function createPluginHost(options: PluginHostOptions): PluginHost {
  const folder = join(options.stateDirectory, "plugins");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { log, onEvent } = options;
  const { around, daemons, audit } = openSurroundings(options, folder);
  const residents = openResidents({
    plugins: options.plugins,
    pluginsBase: options.pluginsBase,
    bundleFolder: join(folder, "bundles"),
    folder: join(folder, "empty"),
    policy: options.sandbox,
    ...(options.apis === undefined ? {} : { apis: options.apis }),
    log,
    onEvent,
  });
  const closing = new AbortController();
  const probes = new Probes(around, closing.signal);
  const agreed = openAgreed(options, residents, probes);
  const plugins = withAgreed(residents, agreed);
  const agents = new AgentCalls(plugins, around);
  const alerts = new AlertCalls(plugins, around, {
    folders: options.alertFolders ?? [],
    version: options.version ?? "",
    nobody: options.sandbox.uid ?? NOBODY,
  });
  const arbiter = new ArbiterCalls(options.arbiter, plugins, around);
  const named = options.arbiter === undefined ? [] : [{ kind: "arbiter", name: options.arbiter.plugin } as const];
  const onHang = (plan: CallPlan<unknown>, text: string): void => {
    onEvent({ kind: "plugin", code: "plugin-hangs", text, severity: "warning", resource: plan.subject });
  };
  const calls = createCalls(onHang);

  plugins.configured().then((found) => tellProblems(found, onEvent));
  warmFetch().catch((error: unknown) => log({ level: "error", text: `ctx.fetch is not available: ${String(error)}` }));

  return {
    callAgent(call): Promise<AgentOutcome> {
      probes.noteAgent(call);
      return calls.make(agents.plan(call));
    },
    abortAgent: (id, why) => calls.abort("agent", id, why),
    callDevice(call): Promise<DeviceOutcome> {
      probes.noteDevice(call);
      return calls.make(planDeviceCall(call, plugins, around));
    },
    abortDevice: (id, why) => calls.abort("device", id, why),
    callAlert: (call): Promise<AlertOutcome> => calls.make(alerts.plan(call)),
    abortAlert: (id, why) => calls.abort("alert", id, why),
    callArbiter: (call, timeoutMs) => calls.make(arbiter.plan(call, timeoutMs)),
    list: async () => (await plugins.all()).map(describePlugin),
    describe: async (name) => (await plugins.all()).filter((one) => isMeant(name, one)).map(describePlugin),
    keepReady: (used) => plugins.keepReady([...used, ...named]),
    inFlight: () => calls.inFlight(),
    standing: () => plugins.standing(),
    trust: agreed,
    async close({ stopDaemons = false } = {}) {
      await calls.close(CLOSE_GRACE_MS);
      closing.abort();
      await agreed.close();
      await residents.close();
      if (stopDaemons) await daemons.stopAll(AbortSignal.timeout(STOP_DAEMONS_MS));
      daemons.close();
      await audit?.close();
    },
  };
}
