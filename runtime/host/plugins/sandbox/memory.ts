// How much memory a guest has of its own, as /proc tells. Behind a wall the guest is the child of a child.

import { readFileSync } from "node:fs";

const PAGE_BYTES = 4_096;
const MAXIMUM_GENERATIONS = 4;

function procText(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "latin1");
  } catch {
    return "";
  }
}

/** A process and its descendants. */
export function familyOf(pid: number, generations = MAXIMUM_GENERATIONS): number[] {
  const children = generations === 0 ? "" : procText(`${pid}/task/${pid}/children`);
  const pids = children.split(" ").filter((child) => child !== "");
  return [pid, ...pids.flatMap((child) => familyOf(Number(child), generations - 1))];
}

/** Bytes in memory that these processes share with no file; 0 for what is gone, and where there is no /proc. */
export function privateBytes(pids: readonly number[]): number {
  let pages = 0;
  for (const pid of pids) {
    const [, resident = "0", shared = "0"] = procText(`${pid}/statm`).split(" ");
    pages += Number(resident) - Number(shared);
  }
  return pages * PAGE_BYTES;
}
