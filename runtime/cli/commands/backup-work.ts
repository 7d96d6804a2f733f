// What `systole backup` and `systole restore` do.

import { resolve } from "node:path";
import { type Backup, readBackup, restoreBackup, writeBackup } from "../../host/backup.ts";
import { loadConfig, type NodeConfig } from "../../host/config.ts";
import { formatVersion, versionOf } from "../../kernel/cib/version.ts";
import { formatInstant } from "../../model/iso8601.ts";
import { refused } from "../failure.ts";
import type { CliIo } from "../io.ts";
import { type SessionOptions, tell, withClient } from "../session.ts";

/** A whole CIB and its history may be on the way. */
const BACKUP_TIMEOUT_MS = 60_000;

/** Asks the node for the cluster's state and writes it. */
export async function backup(
  io: CliIo,
  options: SessionOptions & { readonly overwrite?: true },
  file: string,
): Promise<void> {
  const { taken, primary } = await withClient(io, options, async (client) => {
    const { cluster, primary, snapshot } = await client.call("backup", {}, { timeoutMs: BACKUP_TIMEOUT_MS });
    const { node, version: release } = client.hello;
    return { primary, taken: { cluster, node, release, takenEpochMs: Date.now(), snapshot } };
  });
  if (!taken.snapshot.position.intact) {
    throw refused("nothing-stored", `${taken.node} has stored no configuration yet, so there is nothing to back up.`);
  }
  await writeBackup(resolve(file), taken, options.overwrite === true);
  const warning = `${taken.node} is in no primary view: newer changes may exist elsewhere. Take another backup where "systole status" shows quorum.`;
  const { changes, version } = describe(taken);
  const text = `${file} has configuration ${version} of cluster ${taken.cluster} and ${changes}. It has secrets: keep it as you keep the cluster key.`;
  tell(io, options, { file, primary, ...data(taken) }, text, primary ? [] : [warning]);
}

function describe({ snapshot }: Backup): { readonly version: string; readonly changes: string } {
  const { length } = snapshot.history;
  const changes = length === 1 ? "1 change of its history" : `${length} changes of its history`;
  return { version: formatVersion(versionOf(snapshot.cib)), changes };
}

function data({ cluster, node, takenEpochMs, snapshot }: Backup): object {
  return { cluster, node, takenEpochMs, version: versionOf(snapshot.cib), changes: snapshot.history.length };
}

/** What the command was asked. */
export interface RestoreFlags {
  readonly json?: true;
  readonly overwrite?: true;
  readonly otherCluster?: true;
}

/** Makes a node's store from a backup. */
export async function restore(io: CliIo, options: RestoreFlags, file: string, configFile: string): Promise<void> {
  const config = loadConfig(configFile);
  const taken = await readBackup(file);
  if (taken.cluster !== config.cluster && options.otherCluster !== true) refuseOther(taken, config, file);
  const { aside } = await restoreBackup(config.stateDirectory, taken, options.overwrite === true);
  const { changes, version } = describe(taken);
  const when = formatInstant(Math.floor(taken.takenEpochMs / 1000));
  const lines = [
    `${config.self.name} has configuration ${version} of cluster ${taken.cluster} as of ${when}, and ${changes}.`,
    ...(aside === undefined ? [] : [`What was there before is in ${aside}.`]),
  ];
  const next = `Restore it on the other nodes too (a majority is enough) before you start them.`;
  tell(io, options, { node: config.self.name, ...data(taken), ...(aside === undefined ? {} : { aside }) }, next, lines);
}

function refuseOther(taken: Backup, config: NodeConfig, file: string): never {
  const text = `${file} is of cluster ${taken.cluster} and this node is of ${config.cluster}, so nothing was restored. Say --other-cluster if that is meant.`;
  throw refused("other-cluster", text);
}
