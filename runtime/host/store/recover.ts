// What a directory says when a node starts: read the newest generation, replay its log, cut a torn tail off, and set aside what is
// damaged. Whatever it finds, the node can start: with everything, or as one whose store counts no vote until it has caught up.

import { DurableLog } from "../../kernel/cib/log.ts";
import { applyPatchset } from "../../kernel/cib/patchset.ts";
import { foundingCib } from "../../kernel/cib/version.ts";
import type { LogPosition, StoreRecord } from "../../kernel/messages.ts";
import { faultPlanted, type Plantable } from "../../kernel/planted-fault.ts";
import { SystoleError } from "../errors.ts";
import { inDirectory, type StoreFiles } from "./files.ts";
import { decodeHeader, decodeRecords, decodeSnapshot, type FileHeader, type LogBase, STORE_VERSION } from "./format.ts";
import { FIRST_SUM, type Frame, readFrames } from "./frames.ts";
import { hasMarked, type Mark, readMark } from "./mark.ts";

/** What was read: the state, and where in the newest log it goes on. */
export interface Recovered {
  readonly log: DurableLog;
  readonly generation: number;
  readonly base: LogBase;
  /** Where the next frame of the log goes, and what it follows; undefined when the log must be made anew. */
  readonly tail: { readonly end: number; readonly sum: Uint8Array; readonly torn: boolean } | undefined;
  /** Names that are not needed any more. */
  readonly leftOver: readonly string[];
  /** What is damaged, in words; undefined when nothing is. */
  readonly damage: string | undefined;
}

const NAME = /^(snapshot|log)-(\d{1,15})$/;

/** The position of a store that has nothing. */
function nothing(damaged: boolean): LogPosition {
  return {
    primaryNumber: 0,
    index: 0,
    adoptedPrimary: 0,
    promisedPrimary: 0,
    promisedMembers: [],
    intact: false,
    empty: !damaged,
  };
}

function emptyLog(damaged: boolean): DurableLog {
  return new DurableLog({
    cib: foundingCib(),
    position: nothing(damaged),
    recentRequests: [],
    entries: [],
    history: [],
  });
}

/** Reads a store. Changes nothing in the directory. */
export async function recover(directory: string, files: StoreFiles, options: Plantable = {}): Promise<Recovered> {
  const names = await files.list(directory);
  const generations = { snapshot: [] as number[], log: [] as number[] };
  for (const name of names) {
    const [, kind, number] = NAME.exec(name) ?? [];
    if (kind === "snapshot" || kind === "log") generations[kind].push(Number(number));
  }
  const generation = Math.max(0, ...generations.snapshot);
  const mark = faultPlanted(options, "damaged-log-believed") ? undefined : await readMark(directory, files);
  const found =
    generation > 0
      ? await recoverGeneration(directory, files, options, generation)
      : await recoverWithoutSnapshot(directory, files, options, generations.log);
  const recovered = lacksMarked(found, mark) ? damagedStore(found.generation, endMissing(mark)) : found;
  const needed = new Set([`snapshot-${recovered.generation}`, `log-${recovered.generation}`]);
  const leftOver = names.filter((name) => (NAME.test(name) && !needed.has(name)) || name.endsWith(".tmp"));
  const { log, base, tail, damage } = recovered;
  return { log, generation: recovered.generation, base, tail, damage, leftOver };
}

/** What one generation says, and the frames of its log. */
interface Part extends Omit<Recovered, "leftOver"> {
  readonly frames: readonly Frame[];
}

/** Whether something that was on the disk once is not there any more. */
function lacksMarked(found: Part, mark: Mark | undefined): mark is Mark {
  if (mark === undefined || found.damage !== undefined || mark.generation < found.generation) return false;
  return mark.generation > found.generation || !hasMarked(found.frames, mark);
}

function endMissing({ generation }: Mark): string {
  return `the end of log-${generation}, which had been on the disk, is missing or cannot be read`;
}

async function recoverGeneration(
  directory: string,
  files: StoreFiles,
  options: Plantable,
  generation: number,
): Promise<Part> {
  const name = `snapshot-${generation}`;
  const { frames, damaged } = readFrames(await files.read(inDirectory(directory, name)), options);
  const header = headerOf(directory, name, frames[0]?.payload);
  const snapshot = frames[1] === undefined ? undefined : decodeSnapshot(frames[1].payload);
  if (damaged || header?.generation !== generation || snapshot === undefined) {
    return damagedStore(generation, `${name} cannot be read: its checksums do not fit`);
  }
  const log = new DurableLog({ ...snapshot, entries: [] });
  return replay(directory, files, options, generation, log, "snapshot");
}

/** Before the first snapshot there is one log, of a store that is empty or was found damaged. */
async function recoverWithoutSnapshot(
  directory: string,
  files: StoreFiles,
  options: Plantable,
  logs: readonly number[],
): Promise<Part> {
  if (logs.length === 0)
    return { log: emptyLog(false), generation: 1, base: "empty", tail: undefined, frames: [], damage: undefined };
  let lost: number | undefined;
  for (const generation of [...logs].sort((a, b) => b - a)) {
    const name = `log-${generation}`;
    const { frames } = readFrames(await files.read(inDirectory(directory, name)), options);
    const header = headerOf(directory, name, frames[0]?.payload);
    if (header?.base === "snapshot") lost ??= generation;
    else if (header !== undefined) {
      return replay(directory, files, options, generation, emptyLog(header.base === "damaged"), header.base);
    } else if (logs.length === 1 && frames.length === 0 && generation === 1) {
      // Cut off when it was made, before anything could be in it; or damaged. To count no vote is right for both.
      return { log: emptyLog(false), generation, base: "empty", tail: undefined, frames, damage: undefined };
    }
  }
  const newest = lost ?? Math.max(...logs);
  return damagedStore(newest, lost === undefined ? `log-${newest} cannot be read` : `snapshot-${newest} is missing`);
}

function headerOf(directory: string, name: string, payload: Uint8Array | undefined): FileHeader | undefined {
  const header = payload === undefined ? undefined : decodeHeader(payload);
  if (header !== undefined && header.version > STORE_VERSION) {
    const text = `${inDirectory(directory, name)} was written by a later release (version ${header.version}, this one knows ${STORE_VERSION}). Start that release, or give this node an empty stateDirectory.`;
    throw new SystoleError("store-version", text);
  }
  return header;
}

async function replay(
  directory: string,
  files: StoreFiles,
  options: Plantable,
  generation: number,
  log: DurableLog,
  base: LogBase,
): Promise<Part> {
  const name = `log-${generation}`;
  const names = await files.list(directory);
  if (!names.includes(name)) return damagedStore(generation, `${name} is missing`);
  const { frames, end, torn, damaged } = readFrames(await files.read(inDirectory(directory, name)), options);
  const [first, ...batches] = frames;
  const header = headerOf(directory, name, first?.payload);
  if (damaged || header?.generation !== generation || header.base !== base) {
    return damagedStore(generation, `${name} cannot be read: its checksums do not fit`);
  }
  for (const { payload } of batches) {
    const records = decodeRecords(payload);
    const problem = records === undefined ? "a record has another form" : replayRecords(log, records);
    if (problem !== undefined) return damagedStore(generation, `${name} cannot be replayed: ${problem}`);
  }
  const sum = frames[frames.length - 1]?.sum ?? FIRST_SUM;
  return { log, generation, base, tail: { end, sum, torn }, frames, damage: undefined };
}

/** Brings a log on by records that are on the disk. Returns what does not fit. */
export function replayRecords(log: DurableLog, records: readonly StoreRecord[]): string | undefined {
  for (const record of records) {
    if (record.record !== "entry") log.advance({ record });
    else {
      if (record.entry.index !== log.position.index + 1)
        return `entry ${record.entry.index} follows ${log.position.index}`;
      const patched = applyPatchset(log.document, record.entry.patchset);
      if (!patched.ok) return patched.reason;
      log.advance({ record, after: patched.cib });
    }
  }
  return undefined;
}

function damagedStore(generation: number, damage: string): Part {
  return { log: emptyLog(true), generation, base: "damaged", tail: undefined, frames: [], damage };
}
