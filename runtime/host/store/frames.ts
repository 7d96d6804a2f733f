// How bytes stand in the store's files: one frame after the other, each with its length and a checksum that covers the frame
// before it, so that frames can be neither damaged nor left out unseen.
//
// What is a torn tail and what is damage? One write is one frame, and the next is not begun before the first is on the disk. So
// a frame that cannot be read was cut off by a crash when nothing valid stands behind it; when a valid frame does, it had been
// on the disk, and the file is damaged. Of the last frame, the mark beside the log tells (store/mark.ts).

import { createHash } from "node:crypto";
import { faultPlanted, type Plantable } from "../../kernel/planted-fault.ts";

const MAGIC = Buffer.from("SyF1", "latin1");
const SUM_BYTES = 16;
const HEAD_BYTES = MAGIC.length + 4 + SUM_BYTES + SUM_BYTES;
/** Longer frames are not believed. */
const MAX_FRAME_BYTES = 1 << 30;

/** What the first frame of a file follows. */
export const FIRST_SUM: Uint8Array = new Uint8Array(SUM_BYTES);

/** A frame that was read. */
export interface Frame {
  readonly payload: Uint8Array;
  readonly sum: Uint8Array;
  /** Where the next one begins. */
  readonly end: number;
}

function sumOf(previous: Uint8Array, payload: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(payload.length);
  return createHash("sha256").update(previous).update(length).update(payload).digest().subarray(0, SUM_BYTES);
}

/** A frame behind the one with the sum `previous`. */
export function makeFrame(
  previous: Uint8Array,
  payload: Uint8Array,
): { readonly bytes: Uint8Array; readonly sum: Uint8Array } {
  const sum = sumOf(previous, payload);
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  MAGIC.copy(bytes, 0);
  bytes.writeUInt32BE(payload.length, MAGIC.length);
  bytes.set(previous, MAGIC.length + 4);
  bytes.set(sum, MAGIC.length + 4 + SUM_BYTES);
  bytes.set(payload, HEAD_BYTES);
  return { bytes, sum };
}

/** The frame at a place, whatever it follows; undefined when there is no valid one. */
function frameAt(
  bytes: Buffer,
  at: number,
  options: Plantable,
): (Frame & { readonly previous: Uint8Array }) | undefined {
  if (at + HEAD_BYTES > bytes.length || bytes.compare(MAGIC, 0, MAGIC.length, at, at + MAGIC.length) !== 0)
    return undefined;
  const length = bytes.readUInt32BE(at + MAGIC.length);
  const end = at + HEAD_BYTES + length;
  if (length > MAX_FRAME_BYTES || end > bytes.length) return undefined;
  const previous = bytes.subarray(at + MAGIC.length + 4, at + MAGIC.length + 4 + SUM_BYTES);
  const sum = bytes.subarray(at + HEAD_BYTES - SUM_BYTES, at + HEAD_BYTES);
  const payload = bytes.subarray(at + HEAD_BYTES, end);
  const fits = sum.equals(sumOf(previous, payload)) || faultPlanted(options, "checksum-unchecked");
  return fits ? { payload, sum, end, previous } : undefined;
}

/** What a file contains. */
export interface FileFrames {
  readonly frames: readonly Frame[];
  /** Where they end, and the next one goes. */
  readonly end: number;
  /** Something stands behind them: a write that had not ended. */
  readonly torn: boolean;
  /** Something valid stands behind what cannot be read: it had been on the disk whole. */
  readonly damaged: boolean;
}

/** Reads all frames of a file. */
export function readFrames(file: Uint8Array, options: Plantable = {}): FileFrames {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const frames: Frame[] = [];
  let end = 0;
  let sum = FIRST_SUM;
  for (;;) {
    const frame = frameAt(bytes, end, options);
    if (frame === undefined || !Buffer.from(frame.previous).equals(sum))
      return { frames, end, torn: bytes.length > end, damaged: anyFrameBehind(bytes, end, options) };
    frames.push(frame);
    sum = frame.sum;
    end = frame.end;
  }
}

function anyFrameBehind(bytes: Buffer, from: number, options: Plantable): boolean {
  if (faultPlanted(options, "damaged-log-believed")) return false;
  for (let at = bytes.indexOf(MAGIC, from); at >= 0; at = bytes.indexOf(MAGIC, at + 1)) {
    if (frameAt(bytes, at, options) !== undefined) return true;
  }
  return false;
}
