// The durable state of a cluster as one file, and a node's store made from it.
//
// A backup is two lines of JSON: which format, which version and the checksum of the second line; and the state itself with where it
// came from. It has everything the stores have, passwords of fence devices too, so it is for its owner's eyes only (0600).
// A restore makes the store of a node that is not running. What was promised to earlier views does not bind a new cluster, so the
// members of the last one are left out: nobody waits for machines that may not exist any more.

import { createHash } from "node:crypto";
import { constants, promises as fs } from "node:fs";
import { dirname, join } from "node:path";
import * as Type from "typebox";
import { Compile } from "typebox/schema";
import type { LogSnapshot } from "../kernel/messages.ts";
import { epochMs } from "./clock.ts";
import { errorText, SystoleError, systemCode } from "./errors.ts";
import { logSnapshotSchema } from "./schema/kernel.ts";
import { takeStateDirectory } from "./state-directory.ts";
import { diskError, realFiles } from "./store/files.ts";
import { recover } from "./store/recover.ts";
import { openStore } from "./store.ts";

const FORMAT = "systole-backup";
/** Of the file's form. A later one is refused. */
const BACKUP_VERSION = 1;
const MAX_BACKUP_BYTES = 256 * 1024 * 1024;
const ONLY_OWNER = 0o600;
/** Where a node keeps its store below its state directory. */
export const STORE_FOLDER = "cib";

/** A cluster's durable state, and where it came from. */
export interface Backup {
  readonly cluster: string;
  readonly node: string;
  readonly release: string;
  readonly takenEpochMs: number;
  readonly snapshot: LogSnapshot;
}

const closed = { additionalProperties: false } as const;
const headSchema = Type.Object(
  { format: Type.Literal(FORMAT), version: Type.Integer(), sha256: Type.String() },
  closed,
);
const bodySchema = Type.Object(
  {
    cluster: Type.String(),
    node: Type.String(),
    release: Type.String(),
    takenEpochMs: Type.Integer({ minimum: 0 }),
    snapshot: logSnapshotSchema,
  },
  closed,
);
const checkHead = Compile(headSchema);
const checkBody = Compile(bodySchema);

function checksum(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/**
 * Writes a backup, on the disk when this returns; readable by its owner only.
 * @throws SystoleError `backup-exists`, or what the disk says.
 */
export async function writeBackup(file: string, backup: Backup, overwrite: boolean): Promise<void> {
  const body = JSON.stringify(backup);
  const head = JSON.stringify({ format: FORMAT, version: BACKUP_VERSION, sha256: checksum(body) });
  const made = `${file}.${process.pid}.new`;
  try {
    if (!overwrite) await refuseExisting(file);
    const handle = await fs.open(made, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, ONLY_OWNER);
    try {
      await handle.writeFile(`${head}\n${body}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await fs.rename(made, file);
    await realFiles.syncDirectory(dirname(file));
  } catch (error) {
    await fs.rm(made, { force: true });
    if (error instanceof SystoleError) throw error;
    const text = `No backup was made: ${file} cannot be written (${systemCode(error) || errorText(error)}). Name a place with room that this user may write to.`;
    throw new SystoleError("backup-unwritable", text);
  }
}

async function refuseExisting(file: string): Promise<void> {
  const found = await fs.stat(file).catch(() => undefined);
  if (found === undefined) return;
  const text = `${file} exists already and was left as it is. Choose another name, or say --overwrite.`;
  throw new SystoleError("backup-exists", text);
}

/**
 * Reads a backup.
 * @throws SystoleError `backup-unreadable`, `backup-invalid` (no backup, cut off, or changed), `backup-version`.
 */
export async function readBackup(file: string): Promise<Backup> {
  const text = await readText(file);
  const [first = "", body = "", ...rest] = text.split("\n");
  const head = parse(first);
  if (!checkHead.Check(head)) {
    throw new SystoleError(
      "backup-invalid",
      `${file} is no backup of Systole. Give a file that "systole backup" wrote.`,
    );
  }
  if (head.version !== BACKUP_VERSION) {
    const text = `${file} has version ${head.version} of the backup's form and this release knows ${BACKUP_VERSION}. Restore it with the release that wrote it.`;
    throw new SystoleError("backup-version", text);
  }
  const value = parse(body);
  if (checksum(body) !== head.sha256 || rest.join("") !== "" || !checkBody.Check(value)) {
    const text = `${file} is damaged: its checksum does not fit, so nothing was restored. Use another copy of it.`;
    throw new SystoleError("backup-invalid", text);
  }
  return value;
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await fs.stat(file);
    if (size > MAX_BACKUP_BYTES) throw new Error(`it has ${size} bytes, more than any backup`);
    return await fs.readFile(file, "utf8");
  } catch (error) {
    const text = `${file} cannot be read (${errorText(error)}), so nothing was restored. Name the backup that you mean.`;
    throw new SystoleError("backup-unreadable", text);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a restore did. */
export interface Restored {
  /** Where the store went that was there before. */
  readonly aside: string | undefined;
}

/**
 * Makes the store of a node from a backup. The node must not run. A store that holds something is left alone, unless `overwrite`: then
 * it is moved aside, not deleted.
 * @throws SystoleError `store-not-empty`, `already-running`, or what the disk says.
 */
export async function restoreBackup(stateDirectory: string, backup: Backup, overwrite: boolean): Promise<Restored> {
  const state = takeStateDirectory(stateDirectory, epochMs());
  try {
    const directory = join(stateDirectory, STORE_FOLDER);
    const aside = await makeRoom(directory, overwrite);
    const store = await openStore(directory);
    try {
      await store.persist([{ record: "whole", snapshot: founding(backup.snapshot) }]);
    } finally {
      await store.close();
    }
    return { aside };
  } finally {
    state.release();
  }
}

/** The state without what bound the cluster that it is from. */
function founding(snapshot: LogSnapshot): LogSnapshot {
  return { ...snapshot, position: { ...snapshot.position, promisedMembers: [], intact: true, empty: false } };
}

async function makeRoom(directory: string, overwrite: boolean): Promise<string | undefined> {
  const exists = await fs.stat(directory).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === "ENOENT") return false;
      throw diskError(directory, error);
    },
  );
  if (!exists) return undefined;
  const { log, damage } = await recover(directory, realFiles);
  if (log.position.empty && damage === undefined) return undefined;
  if (!overwrite) {
    const { epoch, admin_epoch: adminEpoch } = log.document.attributes;
    const has = damage === undefined ? `has configuration ${adminEpoch}.${epoch}` : `is damaged (${damage})`;
    const text = `The store in ${directory} ${has}, so nothing was restored. Name a node with an empty one, or say --overwrite: it is moved aside then.`;
    throw new SystoleError("store-not-empty", text);
  }
  const aside = `${directory}-before-restore-${epochMs()}`;
  await realFiles.rename(directory, aside);
  await realFiles.syncDirectory(dirname(directory));
  return aside;
}
