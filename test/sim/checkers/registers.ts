// What the checkers of changes share: the registers' values in every configuration that was ever committed anywhere.

import type { Element } from "../../../runtime/kernel/cib/element.ts";
import { childNamed } from "../../../runtime/kernel/cib/element.ts";
import { readRegisters } from "../configuration.ts";

/** One committed configuration. */
export interface Committed {
  /** Orders configurations: admin_epoch, then epoch. */
  readonly version: number;
  readonly registers: readonly number[];
}

/** More epochs than this never come between two admin epochs. */
const EPOCHS = 1e9;

/** One number for a version; compares as admin_epoch and epoch do. */
export function versionNumber(adminEpoch: number, epoch: number): number {
  return adminEpoch * EPOCHS + epoch;
}

const known = new WeakMap<Element, readonly number[]>();

/** Reads a document; the same configuration is read once. */
export function committedOf(cib: Element): Committed {
  const configuration = childNamed(cib, "configuration") ?? cib;
  let registers = known.get(configuration);
  if (registers === undefined) {
    registers = readRegisters(cib);
    known.set(configuration, registers);
  }
  const version = versionNumber(Number(cib.attributes["admin_epoch"]), Number(cib.attributes["epoch"]));
  return { version, registers };
}
