// A node as a process of its own: `systole node CONFIG`. Signals, last words, exit code.

import { resolve } from "node:path";
import { loadConfig } from "./host/config.ts";
import { EXIT, errorText } from "./host/errors.ts";
import { type RunningNode, startNode } from "./main.ts";

/** After the end, files and sockets get this long to close. */
const CLOSE_TIMEOUT_MS = 2_000;

/** Exit codes of a process that a signal told to end at once: 128 and the signal's number, as shells have it. */
const SIGNALS = { SIGTERM: 143, SIGINT: 130, SIGHUP: 129 } as const;

/**
 * Runs a node until it ends; the first SIGTERM, SIGINT or SIGHUP stops it gracefully, a second one at once.
 * `audit`: file for every use of a permission by a plugin, instead of the configuration's.
 * @returns the exit code for the process, which should end now.
 * @throws SystoleError when it cannot start.
 */
export async function runNode(configFile: string, audit?: string): Promise<number> {
  const config = loadConfig(configFile);
  const node = await startNode(audit === undefined ? config : { ...config, audit: resolve(audit) });
  handleSignals(node);
  handleBugs(node);
  const { code, text } = await node.ended;
  node.log.write(code === EXIT.ok ? "info" : "error", text, { code: "ended", exit: code });
  // What ends in failure must not linger: its peers count on its silence.
  if (code === EXIT.ok) await closeInTime(node);
  node.log.flush();
  return code;
}

function handleSignals(node: RunningNode): void {
  let stopping = false;
  for (const [signal, code] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (!stopping) {
        stopping = true;
        node.log.write(
          "info",
          `${signal}: resources move away, then this node stops. The same again stops it at once.`,
          { code: "stopping" },
        );
        node.shutdown();
        return;
      }
      node.log.write(
        "warn",
        `${signal} again: this node ends at once; its peers will fence it if it still had resources.`,
        { code: "stopping" },
      );
      node.log.flush();
      process.exit(code);
    });
  }
}

function handleBugs(node: RunningNode): void {
  const end = (error: unknown): void => {
    const text = error instanceof Error ? (error.stack ?? error.message) : errorText(error);
    node.log.write("error", `${text} The node ends now, and its peers fence it. Please report this with the log.`, {
      code: "bug",
    });
    node.log.flush();
    process.exit(EXIT.bug);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
}

async function closeInTime(node: RunningNode): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_TIMEOUT_MS);
  });
  await Promise.race([node.close(), late]);
  clearTimeout(timer);
}
