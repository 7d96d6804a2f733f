// The demonstration for people: the cluster as it is now, and keys to break it. Without a terminal it prints what happens as lines.

import { SystoleError } from "../../host/errors.ts";
import type { ClusterEvent } from "../../services/messages.ts";
import { renderStatus } from "../render/status.ts";
import type { RenderOptions } from "../render/text.ts";
import { statusOfReport } from "../status-of-report.ts";
import { DemoCluster, type DemoNode, type DemoOptions } from "./cluster.ts";
import { actingCoordinator, configure, placeWeb, settledCoordinator } from "./operator.ts";
import { WebProbe } from "./probe.ts";
import { ClusterWatch } from "./watch.ts";

const REDRAW_INTERVAL_MS = 100;
const WEB_POLL_INTERVAL_MS = 100;
const VIEW_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 30_000;
/** The same thing said by several nodes within this time is one event. */
const SAME_EVENT_MS = 5_000;

const ESCAPE = "\u001b[";
const ENTER_SCREEN = `${ESCAPE}?1049h${ESCAPE}?25l`;
const LEAVE_SCREEN = `${ESCAPE}?25h${ESCAPE}?1049l`;
const CLEAR_LINE = `${ESCAPE}K`;
const CLEAR_BELOW = `${ESCAPE}J`;

/** Everything the live view needs at hand. */
interface Live {
  readonly cluster: DemoCluster;
  readonly watch: ClusterWatch;
  readonly probe: WebProbe;
  readonly say: (text: string) => void;
}

/** Runs until the user quits or a signal comes; resolves to the exit status. */
export async function runLive(options: DemoOptions): Promise<number> {
  const terminal = process.stdout.isTTY === true && process.stdin.isTTY === true;
  const cluster = await DemoCluster.create(options);
  const printed = new Map<string, number>();
  const onEvent = (event: ClusterEvent): void => {
    if (terminal) return;
    const before = printed.get(event.text);
    if (before !== undefined && event.epochMs - before < SAME_EVENT_MS) return;
    printed.set(event.text, event.epochMs);
    process.stdout.write(`${new Date(event.epochMs).toISOString()} ${event.text}\n`);
  };
  const watch = new ClusterWatch(cluster.nodes, onEvent);
  const probe = new WebProbe(cluster.webAddress, cluster.webPort, WEB_POLL_INTERVAL_MS);
  const notes: string[] = [];
  const say = (text: string): void => {
    notes.push(text);
    if (!terminal) process.stdout.write(`${new Date().toISOString()} ${text}\n`);
  };
  const live: Live = { cluster, watch, probe, say };
  const quit = untilQuit();
  const screen = terminal ? new Screen(live, notes, quit.now) : undefined;
  try {
    screen?.open();
    await Promise.race([begin(live), quit.asked]);
    await quit.asked;
    screen?.close();
    process.stdout.write("Stopping the three nodes cleanly ...\n");
    return await end(live);
  } catch (error) {
    screen?.close();
    if (!(error instanceof SystoleError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  } finally {
    quit.forget();
    probe.close();
    watch.close();
    await cluster.dispose();
  }
}

/** A promise that ends by a signal or by `now`. */
function untilQuit(): { asked: Promise<void>; now: () => void; forget: () => void } {
  let now = (): void => {};
  const asked = new Promise<void>((resolve) => {
    now = resolve;
  });
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, now);
  const forget = (): void => {
    for (const signal of signals) process.off(signal, now);
  };
  return { asked, now, forget };
}

async function begin({ cluster, watch, say }: Live): Promise<void> {
  for (const node of cluster.nodes) cluster.start(node);
  say("Three nodes started; waiting for their first common view.");
  const all = cluster.nodes.length;
  const coordinator = await watch.waitFor((reports) => settledCoordinator(reports, all), VIEW_TIMEOUT_MS);
  const client = coordinator && watch.client(coordinator.node.name);
  if (client === undefined) {
    const logs = cluster.nodes.map((node) => `--- ${node.name}\n${cluster.lastLog(node)}`).join("\n");
    throw new SystoleError("no-answer", `The nodes did not form one view within ${VIEW_TIMEOUT_MS / 1000} s.\n${logs}`);
  }
  await configure(cluster, client);
  say(`Resources configured; web will answer at http://${cluster.webAddress}:${cluster.webPort}/`);
  say(`From a second terminal: npx systole status --socket ${cluster.nodes[0]?.socketPath ?? ""}`);
}

async function end({ cluster, watch }: Live): Promise<number> {
  watch.close();
  for (const node of cluster.nodes) {
    cluster.signal(node, "SIGCONT");
    cluster.signal(node, "SIGTERM");
  }
  let status = 0;
  for (const node of cluster.nodes) {
    if (await cluster.ended(node, STOP_TIMEOUT_MS)) continue;
    process.stderr.write(`${node.name} did not stop within ${STOP_TIMEOUT_MS / 1000} s and was killed.\n`);
    status = 1;
  }
  return status;
}

/** Draws the cluster and takes keys. */
class Screen {
  readonly #live: Live;
  readonly #notes: readonly string[];
  readonly #quit: () => void;
  #selected = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #onKey = (bytes: Buffer): void => {
    // A fast typist, or a paste, sends several keys at once.
    for (const key of bytes.toString("utf8")) this.#key(key);
  };

  constructor(live: Live, notes: readonly string[], quit: () => void) {
    this.#live = live;
    this.#notes = notes;
    this.#quit = quit;
  }

  open(): void {
    process.stdout.write(ENTER_SCREEN);
    process.stdin.setRawMode(true);
    process.stdin.resume();
    process.stdin.on("data", this.#onKey);
    this.#timer = setInterval(() => this.#draw(), REDRAW_INTERVAL_MS);
    this.#draw();
  }

  close(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    process.stdin.off("data", this.#onKey);
    try {
      process.stdin.setRawMode(false);
    } catch {
      // The terminal is gone: nobody is left to type.
    }
    process.stdin.pause();
    process.stdout.write(LEAVE_SCREEN);
  }

  #key(key: string): void {
    const { cluster, watch, say } = this.#live;
    const index = "123".indexOf(key);
    if (index >= 0) this.#selected = index;
    const node = cluster.nodes[this.#selected];
    if (node === undefined) return;
    if (key === "q" || key === "\u0003") this.#quit();
    else if (key === "k") this.#break(node, "SIGKILL", "killed");
    else if (key === "f") this.#break(node, "SIGSTOP", "frozen");
    else if (key === "s") {
      if (cluster.isRunning(node)) say(`${node.name} runs already.`);
      else {
        cluster.start(node);
        say(`${node.name} started again.`);
      }
    } else if (key === "m") {
      const other = watch.reports()[0];
      const client = other && watch.client(other.node.name);
      if (client === undefined) say("No node answers, so web cannot be moved.");
      else {
        say(`You asked for web on ${node.name}.`);
        placeWeb(client, node.name).catch((error: unknown) =>
          say(error instanceof Error ? error.message : String(error)),
        );
      }
    }
    this.#draw();
  }

  #break(node: DemoNode, signal: "SIGKILL" | "SIGSTOP", word: string): void {
    const { cluster, say } = this.#live;
    if (!cluster.isRunning(node)) {
      say(`${node.name} is off already; press s to start it.`);
      return;
    }
    cluster.signal(node, signal);
    say(`You have ${word} ${node.name} (${signal}).`);
  }

  #draw(): void {
    const columns = process.stdout.columns ?? 80;
    const rows = process.stdout.rows ?? 24;
    const colour = process.env["NO_COLOR"] === undefined;
    const options: RenderOptions = { width: columns, colour, unicode: /utf-?8/i.test(process.env["LANG"] ?? "UTF-8") };
    const footer = this.#footer(columns);
    const body = this.#body(options).slice(0, Math.max(rows - footer.length - 1, 1));
    const lines = [...body, ...Array.from({ length: rows - footer.length - body.length - 1 }, () => ""), ...footer];
    process.stdout.write(`${ESCAPE}H${lines.map((line) => `${line}${CLEAR_LINE}`).join("\r\n")}${CLEAR_BELOW}`);
  }

  #body(options: RenderOptions): string[] {
    const reports = this.#live.watch.reports();
    const best = actingCoordinator(reports) ?? reports[0];
    if (best === undefined) return ["No node answers yet."];
    const recent = [...this.#live.watch.events].slice(-60);
    const seen = new Set<string>();
    const events = recent.filter((event) => !seen.has(event.text) && seen.add(event.text));
    return renderStatus({ ...statusOfReport(best.report), events }, options);
  }

  #footer(columns: number): string[] {
    const { cluster, probe } = this.#live;
    const name = cluster.nodes[this.#selected]?.name ?? "";
    const answer = probe.last;
    const fresh = answer !== undefined && Date.now() - answer.answeredEpochMs < 5 * WEB_POLL_INTERVAL_MS;
    const web = fresh ? `answers from ${answer.node} (process ${answer.pid})` : "does not answer";
    const off = cluster.nodes.filter((node) => !cluster.isRunning(node)).map((node) => node.name);
    return [
      `http://${cluster.webAddress}:${cluster.webPort}/ ${web}${off.length > 0 ? `   switched off: ${off.join(", ")}` : ""}`,
      ...this.#notes.slice(-2),
      `node ${name} is selected:  1 2 3 select   k kill   f freeze   s start   m move web here   q quit`,
    ].map((line) => line.slice(0, columns));
  }
}
