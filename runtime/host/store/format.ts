// What the frames of the store's files contain: JSON, checked when it is read.
//
// A generation is a snapshot and the log of what came after it: `snapshot-7`, `log-7`. The first frame of each file names the
// format. A log without snapshot is that of a store which has nothing yet, or lost what it had.

import * as Type from "typebox";
import { Compile } from "typebox/schema";
import type { LogSnapshot, StoreRecord } from "../../kernel/messages.ts";
import { logEntrySchema, logSnapshotSchema } from "../schema/kernel.ts";

/** Written into each file. A store of a later version is not touched. */
export const STORE_VERSION = 1;
const FORMAT = "systole-cib-store";

/** What a log continues: a snapshot, nothing because there was nothing, or nothing because it was damaged. */
export type LogBase = "snapshot" | "empty" | "damaged";

export interface FileHeader {
  readonly format: string;
  readonly version: number;
  readonly generation: number;
  readonly base: LogBase;
}

const closed = { additionalProperties: false } as const;
const whole = Type.Integer({ minimum: 0 });
const nodeLife = Type.Object({ id: whole, incarnation: whole }, closed);
const recordsSchema = Type.Array(
  Type.Union([
    Type.Object({ record: Type.Literal("entry"), entry: logEntrySchema }, closed),
    Type.Object({ record: Type.Literal("promise"), primaryNumber: whole, members: Type.Array(nodeLife) }, closed),
    Type.Object({ record: Type.Literal("adopt"), primaryNumber: whole }, closed),
    Type.Object({ record: Type.Literal("whole"), snapshot: logSnapshotSchema }, closed),
  ]),
);
const headerSchema = Type.Object({
  format: Type.Literal(FORMAT),
  version: Type.Integer({ minimum: 1 }),
  generation: whole,
  base: Type.Union([Type.Literal("snapshot"), Type.Literal("empty"), Type.Literal("damaged")]),
});

const snapshotCheck = Compile(logSnapshotSchema);
const recordsCheck = Compile(recordsSchema);
const headerCheck = Compile(headerSchema);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Bytes of anything of the above. */
export function encode(value: FileHeader | LogSnapshot | readonly StoreRecord[]): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

export function makeHeader(generation: number, base: LogBase): Uint8Array {
  return encode({ format: FORMAT, version: STORE_VERSION, generation, base });
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}

/** Undefined when it is none. */
export function decodeHeader(bytes: Uint8Array): FileHeader | undefined {
  const value = parse(bytes);
  return headerCheck.Check(value) ? value : undefined;
}

/** Undefined when it is none. */
export function decodeSnapshot(bytes: Uint8Array): LogSnapshot | undefined {
  const value = parse(bytes);
  return snapshotCheck.Check(value) ? value : undefined;
}

/** Undefined when they are none. */
export function decodeRecords(bytes: Uint8Array): readonly StoreRecord[] | undefined {
  const value = parse(bytes);
  return recordsCheck.Check(value) ? value : undefined;
}
