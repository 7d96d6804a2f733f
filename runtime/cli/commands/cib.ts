// `systole cib …`: the configuration as a document.

import { type Command, Option } from "commander";
import type { CliIo } from "../io.ts";
import { changeVerb, family, nodeVerb, verb } from "../options.ts";
import type { SessionOptions } from "../session.ts";
import type { UndoFlags } from "./cib-history.ts";
import type { ApplyFlags } from "./cib-work.ts";

const FILE = "a CIB in XML; - reads standard input";
const NUMBER = "its number, as systole cib history shows it";

/** The commands. */
export function cibCommand(io: CliIo): Command {
  const work = () => import("./cib-work.ts");
  const history = () => import("./cib-history.ts");
  return family("cib", "look at the configuration, change, compare and check it", [
    nodeVerb("query", "print the CIB as XML", [
      "systole cib query > cib.xml",
      "systole cib query --section constraints",
    ])
      .option("--section <name>", "only this section: configuration, status, resources, constraints, nodes, …")
      .action(async (options: SessionOptions & { section?: string }) => (await work()).queryText(io, options)),
    changeVerb("apply", "make the configuration the one in a file", [
      "systole cib apply cib.xml",
      "systole cib query | sed s/10s/5s/ | systole cib apply -",
      "systole cib apply cib.xml --plan",
    ])
      .argument("<file>", FILE)
      .addOption(new Option("--dry-run", "only show what would change"))
      .option("--plan", "only show what would change, and what the cluster would do then")
      .option("--force", "also when the running configuration has changed since the file was made from it")
      .action(async (file: string, options: ApplyFlags) => (await work()).applyFile(io, options, file)),
    nodeVerb("diff", "print what leads from one CIB to another, as a patchset in Pacemaker's form", [
      "systole cib diff old.xml new.xml",
      "systole cib diff new.xml",
      "systole cib diff 1 2",
    ])
      .argument("<file>", `${FILE}; or the number of a change, as "systole cib history" shows it: the CIB after it`)
      .argument("[other]", "what it leads to, likewise; without it, the first is compared with the running CIB")
      .action(async (file: string, other: string | undefined, options: SessionOptions) =>
        (await work()).diffFiles(io, options, file, other),
      ),
    nodeVerb("history", "show who changed the configuration, when and why", [
      "systole cib history",
      "systole cib history --limit 3",
    ])
      .option("--limit <count>", "how many, counted from the last", "20")
      .action(async (options: SessionOptions & { limit: string }) => (await history()).showHistory(io, options)),
    nodeVerb("show", "show what one change of the history did", ["systole cib show 1"])
      .argument("<number>", NUMBER)
      .action(async (number: string, options: SessionOptions) => (await history()).showChange(io, options, number)),
    changeVerb("undo", "take one change back; refused when later changes touch the same things", [
      "systole cib undo 1 --plan",
      "systole cib undo 1 --reason mistake",
    ])
      .argument("<number>", NUMBER)
      .addOption(new Option("--dry-run", "only show what would change"))
      .option("--plan", "only show what would change, and what the cluster would do then")
      .action(async (number: string, options: UndoFlags) => (await history()).undoChange(io, options, number)),
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
