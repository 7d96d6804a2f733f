// `systole demo`: three nodes on this machine, to look at and to break.

import { Command, InvalidArgumentError, Option } from "commander";

const MIN_DETECTION_MS = 100;
const MAX_DETECTION_MS = 60_000;

function detection(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= MIN_DETECTION_MS && value <= MAX_DETECTION_MS) return value;
  throw new InvalidArgumentError(`It takes whole milliseconds from ${MIN_DETECTION_MS} to ${MAX_DETECTION_MS}.`);
}

/** A terminal that is closed, or a pipe that nobody reads, ends the writing and not the cleaning up. */
function survivesItsReader(): void {
  for (const stream of [process.stdin, process.stdout, process.stderr]) {
    // Other commands end at once then; this one has three nodes to stop first.
    stream.removeAllListeners("error");
    stream.on("error", () => {});
  }
}

/** The command, for the program's table of verbs. */
export function demoCommand(): Command {
  return new Command("demo")
    .description("start three nodes on this machine with resources and fencing, and show them live")
    .option(
      "--once",
      "no interaction: start, kill the node that runs web, wait for the failover, bring it back, stop; last line is JSON",
    )
    .addOption(
      new Option(
        "--kill <how>",
        "with --once: how the node is broken; coordinator kills the node that is coordinator too",
      )
        .choices(["kill", "stop", "coordinator"])
        .default("kill"),
    )
    .option("--detection-timeout <ms>", "silence after which a node counts as failed (default 1000)", detection)
    .option("--json", "with --once: print the JSON line only")
    .addHelpText(
      "after",
      "\nExample:\n  npm start -- --once --kill stop\n\nExit status: 0 if everything happened, 1 if anything did not.",
    )
    .action(
      async (given: { once?: true; kill: "kill" | "stop" | "coordinator"; detectionTimeout?: number; json?: true }) => {
        survivesItsReader();
        const options = given.detectionTimeout === undefined ? {} : { detectionTimeoutMs: given.detectionTimeout };
        if (!given.once) {
          const { runLive } = await import("./live.ts");
          process.exitCode = await runLive(options);
          return;
        }
        const { runOnce } = await import("./once.ts");
        const write = given.json ? () => {} : (line: string) => void process.stdout.write(`${line}\n`);
        const result = await runOnce(given.kill, options, write);
        process.stdout.write(`${JSON.stringify(result)}\n`);
        process.exitCode = result.ok ? 0 : 1;
      },
    );
}
