// Runs a program and watches it: the agent for services that are one process in the foreground.
//
// A monitor costs one read below /proc, and one HTTP request if there is a URL to ask. A start is over as soon as that URL
// answers: the program is asked every few milliseconds at first, since this wait is a part of every failover.

import { AgentError, type Daemon, Duration, defineResourceAgent, type Fetch, Type, Words } from "systole/sdk";

/** Pauses between the first questions to a starting program double from 2 ms to 8 ms. */
const FIRST_PAUSE_MS = 2;
const SHORT_PAUSE_MS = 8;
/** A program that takes longer than this to start is asked less often. */
const IMPATIENCE_MS = 1_000;
const LONG_PAUSE_MS = 100;
/** One question; a program that accepts and does not answer is asked again. */
const QUESTION_TIMEOUT_MS = 1_000;

/** Why the URL does not count as healthy; undefined if it does. */
async function urlProblem(fetch: Fetch, url: string, timeoutMs?: number): Promise<string | undefined> {
  try {
    const { status } = await fetch(url, timeoutMs === undefined ? {} : { timeoutMs });
    return status >= 200 && status < 400 ? undefined : `${url} answered with status ${status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** NAME=value words as an environment. */
function readEnvironment(words: readonly string[]): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const word of words) {
    const split = word.indexOf("=");
    if (split < 1)
      throw new AgentError("not-configured", `The parameter environment has "${word}", which is not NAME=value.`);
    environment[word.slice(0, split)] = word.slice(split + 1);
  }
  return environment;
}

/** Waits until the URL answers, or the program has ended. The call's deadline ends it otherwise. */
async function untilReady(
  url: string,
  daemon: Daemon,
  fetch: Fetch,
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  let waitedMs = 0;
  for (
    let pauseMs = FIRST_PAUSE_MS;
    ;
    pauseMs = Math.min(pauseMs * 2, waitedMs < IMPATIENCE_MS ? SHORT_PAUSE_MS : LONG_PAUSE_MS)
  ) {
    await sleep(pauseMs);
    waitedMs += pauseMs;
    const { identity, ended } = await daemon.adopt();
    if (identity === undefined) throw new AgentError("generic", `${ended ?? "It ended"}, before ${url} answered.`);
    if ((await urlProblem(fetch, url, QUESTION_TIMEOUT_MS)) === undefined) return;
  }
}

export default defineResourceAgent({
  name: "process",
  summary: "Runs a program in the foreground and watches it",
  parameters: Type.Object({
    program: Type.String({ description: "Absolute path of the program, or its name in PATH", minLength: 1 }),
    arguments: Words("Its arguments", { default: [] }),
    directory: Type.String({ description: "Its working directory", default: "/" }),
    environment: Words("Variables for it, as NAME=value", { default: [] }),
    readyUrl: Type.Optional(
      Type.String({
        description: "It has started when this URL answers with a status below 400, and is well as long as it does",
        pattern: "^https?://",
      }),
    ),
    stopSignal: Type.String({ description: "Signal that asks it to end", default: "SIGTERM" }),
    killAfter: Duration("If it has not ended by then, it is killed", { defaultMs: 5_000 }),
    logFile: Type.Optional(
      Type.String({
        description: "File for its output, appended to; without it the last MiB is kept in the node's state directory",
      }),
    ),
  }),
  permissions: { daemon: ["{program}"], env: ["{environment}"], net: ["{readyUrl}"], write: ["{logFile}"] },
  timeouts: { monitor: "10s", start: "20s", stop: "20s" },
  async monitor({ daemon, fetch, params }) {
    const { identity, leftBehind, ended } = await daemon.adopt();
    if (identity === undefined && leftBehind.length === 0) return "stopped";
    if (identity === undefined)
      return { failed: `${ended ?? "It ended"}, and left pids ${leftBehind.join(", ")} behind` };
    const problem = params.readyUrl === undefined ? undefined : await urlProblem(fetch, params.readyUrl);
    return problem === undefined ? "running" : { failed: problem };
  },
  async start({ daemon, fetch, params, sleep }) {
    await daemon.start(params.program, params.arguments, {
      directory: params.directory,
      env: readEnvironment(params.environment),
      ...(params.logFile === undefined ? {} : { logFile: params.logFile }),
    });
    if (params.readyUrl !== undefined) await untilReady(params.readyUrl, daemon, fetch, sleep);
  },
  async stop({ daemon, params }) {
    await daemon.stop({ signal: params.stopSignal, graceMs: params.killAfter });
  },
});
