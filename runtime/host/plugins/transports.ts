// Opens the transport of a node, in the pulse's thread. Transports of the release are trusted, but they too get only a ctx.

import { join } from "node:path";
import { openDaemons } from "./daemons.ts";
import { createInstance } from "./instance.ts";
import { openLimits } from "./limits.ts";
import { createLoader, importTransport } from "./loader.ts";
import { openStateStore } from "./state.ts";
import type { OpenedTransport, OpenTransportOptions } from "./types.ts";

/**
 * Opens it. Throws PluginError (no such transport, wrong settings), or what the transport says: an AgentError whose
 * `cause` is the system's error (EADDRINUSE, ...), where there was one.
 */
export async function openTransport(options: OpenTransportOptions): Promise<OpenedTransport> {
  const folder = join(options.stateDirectory, "plugins");
  const loader = createLoader({
    plugins: options.plugins,
    pluginsBase: options.pluginsBase,
    bundleFolder: join(folder, "bundles"),
    // The sandbox is a lot of code, and a node without transports of its own needs none of it in this thread.
    evaluate: async (source) => (await import("./sandbox/describe.ts")).describeInSandbox(source),
  });
  const found = await loader.find("transport", options.name);
  const { plugin, manifest } = await importTransport(found.source);
  const states = openStateStore(join(folder, "state"));
  const daemons = openDaemons({ states, outputFolder: join(folder, "output"), childEnvironment: {} });
  const onEvent = ({ text }: { readonly text: string }): void =>
    options.log({ level: "error", text, plugin: `comms/${options.name}` });
  const around = {
    nodeName: options.self.id,
    states,
    daemons,
    limits: openLimits(onEvent),
    childEnvironment: {},
    log: options.log,
    onEvent,
    onAttribute: () => undefined,
  };
  const { self, peers } = options;
  const placeholders = { self: self.addresses, peers: peers.flatMap((peer) => peer.addresses) };
  const instance = createInstance(manifest, `transport-${options.name}`, options.parameters, around, placeholders);
  const ctx = { ...instance.context(options.signal), self, peers };
  return { connection: await plugin.spec.open(options.sink, ctx), provides: plugin.spec.provides };
}
