// `systole explain`: why each resource is where it is, and what would change that.

import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { nodeVerb } from "../options.ts";
import type { SessionOptions } from "../session.ts";

/** What the command was asked. */
export interface ExplainOptions extends SessionOptions {
  readonly live?: true;
  readonly resource?: string;
  readonly node?: string;
  readonly setDatetime?: string;
}

/** The command. */
export function explainCommand(io: CliIo): Command {
  return nodeVerb("explain", "say why resources are where they are", [
    "systole explain cib.xml --resource db",
    "systole explain --live --resource db --node n1",
  ])
    .argument("[cib]", "a CIB in XML; - reads standard input")
    .option("--live", "explain the CIB of the running cluster")
    .option("--resource <id>", "only this resource, and what stands in it")
    .option("--node <name>", "of the nodes that were not taken, only this one")
    .option("-t, --set-datetime <date>", "pretend that it is that moment (ISO 8601)")
    .action(async (file: string | undefined, options: ExplainOptions) => {
      const { explain } = await import("./explain.ts");
      await explain(io, file, options);
    });
}
