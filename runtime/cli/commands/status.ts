// `systole status`: how the cluster is.

import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { nodeVerb } from "../options.ts";
import type { SessionOptions } from "../session.ts";

/** The command. */
export function statusCommand(io: CliIo): Command {
  return nodeVerb("status", "show nodes, quorum, resources, failures and what happened last", [
    "systole status",
    "systole status --watch",
    "systole status --json | jq .quorum",
  ])
    .option("--watch", "go on showing it as it changes, until Ctrl-C; without a terminal, print events as lines")
    .action(async (options: SessionOptions & { watch?: true }) => {
      const { showStatus, watchStatus } = await import("./status-view.ts");
      await (options.watch ? watchStatus(io, options) : showStatus(io, options));
    });
}
