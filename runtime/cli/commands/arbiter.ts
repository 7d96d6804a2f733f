// `systole arbiter`: a third place to ask, for clusters that can be cut into halves.

import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { verb } from "../options.ts";
import type { ArbiterFlags } from "./arbiter-work.ts";

/** The command. */
export function arbiterCommand(io: CliIo): Command {
  return verb("arbiter", "keep registers for clusters of an even number of nodes, on a machine at a third place", [
    "systole arbiter --listen 192.0.2.9:7800 --dir /var/lib/systole-arbiter",
  ])
    .requiredOption("--listen <address:port>", "where to listen")
    .requiredOption("--dir <path>", "where the registers are kept; must survive a loss of power")
    .option("--token-file <file>", "the token that nodes must show; without it, one is made in the folder")
    .option("--cert <file>", "certificate in PEM, for HTTPS")
    .option("--key <file>", "its key in PEM")
    .action(async (options: ArbiterFlags) => {
      const { runArbiter } = await import("./arbiter-work.ts");
      io.exit(await runArbiter(io, options));
    });
}
