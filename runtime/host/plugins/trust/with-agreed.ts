// Joins the plugins that the cluster has agreed on with those that a release or a node brings along.

import { join } from "node:path";
import type { FoundPlugin } from "../loader.ts";
import { PluginError } from "../plugin-error.ts";
import type { Residents } from "../sandbox/residents.ts";
import type { PluginHostOptions } from "../types.ts";
import { AgreedPlugins } from "./agreed.ts";
import { API_VERSIONS } from "./api-version.ts";
import type { Probes } from "./probes.ts";
import { openBundleStore } from "./store.ts";

/** Opens the plugins of the lock on a node; their bytes are kept below its state directory. */
export function openAgreed(options: PluginHostOptions, residents: Residents, probes: Probes): AgreedPlugins {
  const { nodeName, stateDirectory, signatures, fetchBundle, log, onEvent } = options;
  return new AgreedPlugins({
    nodeName,
    lockFile: join(stateDirectory, "plugins.lock.json"),
    store: openBundleStore(join(stateDirectory, "plugins", "agreed")),
    apis: options.apis ?? API_VERSIONS,
    rules: signatures ?? { policy: "off", keys: [] },
    start: residents.start,
    probes,
    trust: residents.trust,
    fetch: fetchBundle ?? (async () => undefined),
    log,
    onEvent,
  });
}

/** What the cluster has agreed on counts before the others of its name: it is the same on every node. */
export function withAgreed(
  residents: Residents,
  agreed: AgreedPlugins,
): Pick<Residents, "load" | "all" | "keepReady" | "configured" | "standing"> {
  return {
    load: async (kind, name) => (await agreed.load(kind, name)) ?? residents.load(kind, name),
    keepReady: (used) => residents.keepReady(used.filter((one) => !agreed.has(one))),
    configured: () => residents.configured(),
    standing() {
      const { used, ...held } = residents.standing();
      const first = agreed.used();
      const others = used.filter(({ plugin }) => !first.some((one) => one.plugin === plugin));
      return { ...held, used: [...first, ...others].sort((a, b) => (a.plugin < b.plugin ? -1 : 1)) };
    },
    async all() {
      const [first, others] = await Promise.all([agreed.all(), residents.all()]);
      const rest = others.map((one) =>
        one.kind !== undefined && agreed.has({ ...one, kind: one.kind }) ? outdone(one) : one,
      );
      const order = (one: FoundPlugin): string => `${one.kind ?? "~"} ${one.name} ${one.origin}`;
      return [...first, ...rest].sort((a, b) => (order(a) < order(b) ? -1 : 1));
    },
  };
}

function outdone({ manifest: _, source: __, ...one }: FoundPlugin): FoundPlugin {
  const text = `${one.file} defines the ${one.kind} ${one.name}, and the cluster has agreed on another one of that name, which counts.`;
  return { ...one, problem: new PluginError("plugin-duplicate", text) };
}
