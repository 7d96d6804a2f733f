// `systole cib …`: the configuration as a document.

import { type Command, Option } from "commander";
import type { CliIo } from "../io.ts";
import { family, nodeVerb, verb } from "../options.ts";
import type { SessionOptions } from "../session.ts";

const FILE = "a CIB in XML; - reads standard input";

/** The commands. */
export function cibCommand(io: CliIo): Command {
  const work = () => import("./cib-work.ts");
  return family("cib", "look at the configuration, change, compare and check it", [
    nodeVerb("query", "print the CIB as XML", [
      "systole cib query > cib.xml",
      "systole cib query --section constraints",
    ])
      .option("--section <name>", "only this section: configuration, status, resources, constraints, nodes, …")
      .action(async (options: SessionOptions & { section?: string }) => (await work()).queryText(io, options)),
    nodeVerb("apply", "make the configuration the one in a file", [
      "systole cib apply cib.xml",
      "systole cib query | sed s/10s/5s/ | systole cib apply -",
    ])
      .argument("<file>", FILE)
      .addOption(new Option("--dry-run", "only show what would change"))
      .option("--force", "also when the running configuration has changed since the file was made from it")
      .action(async (file: string, options: SessionOptions & { dryRun?: true; force?: true }) =>
        (await work()).applyFile(io, options, file),
      ),
    nodeVerb("diff", "print what leads from one CIB to another, as a patchset in Pacemaker's form", [
      "systole cib diff old.xml new.xml",
      "systole cib diff new.xml",
    ])
      .argument("<file>", FILE)
      .argument("[other]", "what it leads to; without it, the file is compared with the running CIB")
      .action(async (file: string, other: string | undefined, options: SessionOptions) =>
        (await work()).diffFiles(io, options, file, other),
      ),
    nodeVerb("recover", "start a cluster in which no majority of intact stores is left; changes may be lost", [
      "systole cib recover --accept-loss",
    ])
      .option("--accept-loss", "yes: what the missing stores had acknowledged may be gone")
      .action(async (options: SessionOptions & { acceptLoss?: true }) => (await work()).recover(io, options)),
    verb("verify", "check a CIB; needs no running node", ["systole cib verify cib.xml"])
      .argument("<file>", FILE)
      .action(async (file: string, options: { json?: true }) => (await work()).verifyFile(io, options, file)),
  ]);
}
