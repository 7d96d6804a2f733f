// A host for orphan.test.ts, which kills it: opens the plugins of the folder named by the argument, has one of them loop for ever, and
// says which process that is.

import { createPluginHost } from "../../../../../runtime/host/plugins/host.ts";

const [folder = "", wall = ""] = process.argv.slice(2);
const host = createPluginHost({
  nodeName: "n1",
  stateDirectory: `${folder}/state`,
  plugins: ["./loops.ts"],
  pluginsBase: folder,
  childEnvironment: {},
  sandbox: { requireSandbox: true, wall: wall === "wall" },
  log: () => undefined,
  onEvent: () => undefined,
  onAttribute: () => undefined,
});
const monitor = (does: string) =>
  host.callAgent({
    id: does.length,
    resource: { id: "r", class: "ocf", provider: "systole", type: "loops" },
    verb: "monitor",
    parameters: { does },
    meta: {},
    timeoutMs: 600_000,
    intervalMs: 0,
  });
process.stdout.write(`${(await monitor("answer")).outcome}\n`);
void monitor("loop");
