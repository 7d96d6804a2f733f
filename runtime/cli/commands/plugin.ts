// `systole plugin …`: which plugins a node has, and what one takes and may do.

import type { Command } from "commander";
import { type CliIo, renderOptions } from "../io.ts";
import { family, nodeVerb } from "../options.ts";
import type { SessionOptions } from "../session.ts";
import { permissionsCommand } from "./plugin-permissions.ts";

const TIMEOUT_MS = 30_000;

/** The commands. */
export function pluginCommand(io: CliIo): Command {
  return family("plugin", "plugins of the node that answers", [
    nodeVerb("list", "list the plugins", ["systole plugin list"]).action(async (options: SessionOptions) => {
      const { withClient } = await import("../session.ts");
      const { plugins } = await withClient(io, options, (client) =>
        client.call("plugin-list", {}, { timeoutMs: TIMEOUT_MS }),
      );
      if (options.json) io.out(`${JSON.stringify(plugins)}\n`);
      else {
        const { listText } = await import("./plugin-work.ts");
        io.out(`${listText(plugins, renderOptions(io)).join("\n")}\n`);
      }
    }),
    nodeVerb("describe", "show the parameters, permissions and timeouts of a plugin", [
      "systole plugin describe ip-address",
      "systole plugin describe dummy --kind fence-device",
    ])
      .argument("<name>", "as the list has it, or as the CIB names it")
      .option("--kind <kind>", "where several plugins have the name: resource-agent, fence-device, transport")
      .action(async (name: string, options: SessionOptions & { kind?: string }) => {
        const { describeText, findPlugin } = await import("./plugin-work.ts");
        const { withClient } = await import("../session.ts");
        const found = await withClient(io, options, (client) => findPlugin(client, name, options.kind));
        if (options.json) io.out(`${JSON.stringify(found)}\n`);
        else io.out(`${describeText(found, renderOptions(io)).join("\n")}\n`);
      }),
    permissionsCommand(io),
  ]);
}
