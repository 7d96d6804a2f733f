// How far the log is on the disk, in a file of its own. What a crash has cut off and what has rotten since look the same at the end
// of a log; but what the mark tells of was on the disk, so when it cannot be read, it is damage.
//
// The mark is written after each sync, and is synced itself only when the log rests, so it costs next to nothing. After a power cut it can
// be older than the last tenth of a second, but it never tells too much.

import * as Type from "typebox";
import { Compile } from "typebox/schema";
import { inDirectory, type StoreFiles } from "./files.ts";
import { FIRST_SUM, type Frame, makeFrame, readFrames } from "./frames.ts";

/** Its name in the store's directory. */
export const MARK = "synced";

const markSchema = Type.Object(
  {
    /** Of the log. */
    generation: Type.Integer({ minimum: 1 }),
    /** Where its last frame that is on the disk ends, in bytes, and that frame's checksum in hexadecimal. */
    end: Type.Integer({ minimum: 1 }),
    sum: Type.String(),
  },
  { additionalProperties: false },
);
const markCheck = Compile(markSchema);

/** So far the log is on the disk. */
export type Mark = Type.Static<typeof markSchema>;

function hexOf(sum: Uint8Array): string {
  return Buffer.from(sum).toString("hex");
}

/** The whole of the file. */
export function makeMark(generation: number, end: number, sum: Uint8Array): Uint8Array {
  const mark: Mark = { generation, end, sum: hexOf(sum) };
  return makeFrame(FIRST_SUM, Buffer.from(JSON.stringify(mark))).bytes;
}

/** Undefined when there is none that can be read. */
export async function readMark(directory: string, files: StoreFiles): Promise<Mark | undefined> {
  if (!(await files.list(directory)).includes(MARK)) return undefined;
  // What stands behind it is the end of a longer one that stood there before.
  const [frame] = readFrames(await files.read(inDirectory(directory, MARK))).frames;
  if (frame === undefined) return undefined;
  try {
    const mark: unknown = JSON.parse(Buffer.from(frame.payload).toString());
    return markCheck.Check(mark) ? mark : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the log of the mark's generation has all that the mark tells of. */
export function hasMarked(frames: readonly Frame[], mark: Mark): boolean {
  return frames.some(({ end, sum }) => end === mark.end && hexOf(sum) === mark.sum);
}
