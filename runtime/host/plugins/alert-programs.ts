// Alert agents of Pacemaker: programs that are told of an alert by variables of their environment. They come from folders that
// the node's configuration lists, get no argument, and run as a user without rights where this node may choose one.
// Source of the variables: Pacemaker Administration, "Alert Agents".

import { readFile, realpath, stat } from "node:fs/promises";
import { isAbsolute, sep } from "node:path";
import { AgentError, type Alert, OCF_EXIT_CODES } from "../../../sdk/mod.ts";
import type { AlertSink } from "../../services/calls.ts";
import { statusNumber } from "../../services/executor/history.ts";
import { systemCode } from "../errors.ts";
import { steeringVariables } from "./environment.ts";
import { PluginError } from "./plugin-error.ts";
import { type RunSurroundings, runCommand } from "./run.ts";

/** How programs are run on this node. */
export interface AlertPrograms {
  readonly folders: readonly string[];
  /** Of Systole. */
  readonly version: string;
  /** Whom they run as where there is no user of Pacemaker. */
  readonly nobody: number;
}

/** As whom Pacemaker runs them. */
const PACEMAKER_USER = "hacluster";
const PASSWD = "/etc/passwd";
const ANYBODY_MAY_WRITE = 0o002;
const ANYBODY_MAY_EXECUTE = 0o111;

const EXIT_WORDS: Readonly<Record<number, string>> = {
  0: "ok",
  [OCF_EXIT_CODES.generic]: "error",
  [OCF_EXIT_CODES.arguments]: "invalid parameter",
  [OCF_EXIT_CODES.unimplemented]: "unimplemented",
  [OCF_EXIT_CODES.privileges]: "insufficient privileges",
  [OCF_EXIT_CODES["not-installed"]]: "not installed",
  [OCF_EXIT_CODES["not-configured"]]: "not configured",
  7: "not running",
  8: "promoted",
  9: "failed in promoted role",
};

const STATUS_WORDS = { timeout: "Timed Out", error: "Error", "not-installed": "Not installed" } as const;

/** What each kind of alert says besides. */
function factsOf(alert: Alert): Record<string, string> {
  switch (alert.kind) {
    case "node":
      return { node: alert.node, nodeid: `${alert.nodeId}`, desc: alert.state };
    case "fencing": {
      const by = alert.by === undefined ? "" : ` by ${alert.by}`;
      const desc = `Operation ${alert.action} of ${alert.node}${by} for systole@${alert.sender}: ${alert.ok ? "OK" : alert.reason}`;
      return { node: alert.node, task: alert.action, desc, rc: alert.ok ? "0" : "1" };
    }
    case "resource": {
      const { status, rc } = alert;
      return {
        node: alert.node,
        rsc: alert.resource,
        task: alert.operation,
        interval: `${alert.intervalMs}`,
        rc: `${rc}`,
        target_rc: `${alert.targetRc}`,
        status: `${statusNumber(status)}`,
        exec_time: `${Math.round(alert.execTimeMs)}`,
        desc: status === "done" ? (EXIT_WORDS[rc] ?? `${rc}`) : STATUS_WORDS[status],
      };
    }
    case "attribute":
      return {
        node: alert.node,
        nodeid: `${alert.nodeId}`,
        attribute_name: alert.name,
        attribute_value: alert.value ?? "",
      };
    case "dropped":
      return { desc: alert.text };
  }
}

/** The variables of an alert: its facts as Pacemaker's alert agents know them, and the instance attributes under their own names. */
export function alertEnvironment(sink: AlertSink, alert: Alert, version: string): Readonly<Record<string, string>> {
  const { kind, sequence, timestamp, epochMs, recipient } = alert;
  const facts = {
    kind,
    version,
    node_sequence: `${sequence}`,
    timestamp,
    timestamp_epoch: `${Math.floor(epochMs / 1000)}`,
    timestamp_usec: `${epochMs % 1000}`.padStart(3, "0").padEnd(6, "0"),
    ...(recipient === undefined ? {} : { recipient }),
    ...factsOf(alert),
  };
  const variables = Object.entries(facts).map(([name, value]) => [`CRM_alert_${name}`, asVariable(value)]);
  return { ...sink.parameters, ...Object.fromEntries(variables) };
}

/** A variable ends at a zero byte. */
function asVariable(text: string): string {
  return text.replaceAll("\0", "\ufffd");
}

/** Runs the program for an alert; without one, only looks whether it could be. Rejects with what is wrong. */
export async function runAlertProgram(
  sink: AlertSink,
  alert: Alert | undefined,
  programs: AlertPrograms,
  around: RunSurroundings,
): Promise<void> {
  const program = await allowedProgram(sink, programs.folders);
  const [steering] = steeringVariables(sink.parameters);
  if (steering !== undefined) {
    const name = steering.slice(0, steering.indexOf("="));
    const text = `${sink.id}: the instance attribute ${name} would decide which code ${sink.path} runs, or is no name of a variable.`;
    throw new PluginError("plugin-parameters", text);
  }
  if (alert === undefined) return;
  const user = await unprivileged(programs.nobody);
  const env = { HOME: "/", ...alertEnvironment(sink, alert, programs.version) };
  await runCommand(program, [], { env }, { ...around, ...(user === undefined ? {} : { user }) });
}

/** The program itself, behind all links. */
async function allowedProgram({ id, path }: AlertSink, folders: readonly string[]): Promise<string> {
  const refuse = (what: string): AgentError => new AgentError("privileges", `${id}: the program ${path} ${what}`);
  const listed = `Programs for alerts come from ${folders.join(", ") || "nowhere"} ("alertFolders" in this node's configuration); plugins are written systole:NAME.`;
  if (!isAbsolute(path)) throw refuse(`is no absolute path. ${listed}`);
  const real = await realPath(path);
  if (real === undefined) throw new AgentError("not-installed", `${id}: there is no program ${path} on this node.`);
  const allowed = await Promise.all(folders.map(realPath));
  if (!allowed.some((folder) => folder !== undefined && real.startsWith(folder + sep)))
    throw refuse(`is in none of the folders that are allowed. ${listed}`);
  const file = await stat(real);
  if (!file.isFile() || (file.mode & ANYBODY_MAY_EXECUTE) === 0)
    throw refuse("is no file that can be executed. Make it executable (chmod 755).");
  if ((file.mode & ANYBODY_MAY_WRITE) !== 0)
    throw refuse("can be changed by everybody, so it is not run. Take that right away (chmod o-w).");
  return real;
}

async function realPath(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EACCES", "ELOOP"].includes(systemCode(error))) return undefined;
    throw error;
  }
}

/** Pacemaker's own user, or nobody; undefined where this node is no root and can be nobody else. */
async function unprivileged(nobody: number): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const users = await readFile(PASSWD, "utf8").catch(() => "");
  const line = users.split("\n").find((one) => one.startsWith(`${PACEMAKER_USER}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  const known = { uid: Number(uid), gid: Number(gid) };
  return known.uid > 0 && known.gid > 0 ? known : { uid: nobody, gid: nobody };
}
