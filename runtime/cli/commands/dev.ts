// `systole dev PACKAGE`: the plugin as it is being written, live in a running cluster.

import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { changeVerb } from "../options.ts";
import type { DevFlags } from "./dev-work.ts";

/** The command. */
export function devCommand(io: CliIo): Command {
  return changeVerb("dev", "keep a plugin in a running cluster as it is in your editor, until Ctrl-C", [
    "systole dev ./my-agent",
  ])
    .argument("<package>", "a file or a folder")
    .option("--yes", "approve of what it asks for, now and whenever it asks for more")
    .action(async (spec: string, options: DevFlags) => (await import("./dev-work.ts")).develop(io, options, spec));
}
