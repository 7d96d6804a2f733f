// What stands in the arbiter's register, and who may write himself into it.
//
// The register remembers the last half of the cluster that was given the arbiter's vote: the number of its primary view and its members.
// Majorities of the nodes never write there, and need not: any majority shares a node with any half, so a half always knows of them. What
// two halves may not have in common is a node, and then only the register knows that the other one has gone on. So a half is given the
// vote when it knows everything that the registered one can have acknowledged:
// - one of it has adopted a primary view of that number or a later one, or
// - one of it belongs to the registered half and has not adopted that view, so that this was never established and never will be; then
//   what counts is the register as it was before (`base`).
// The argument in full is in runtime/README.md.

import type { NodeId } from "../membership/view.ts";
import { faultPlanted, type Plantable } from "../planted-fault.ts";
import { START_OVERRIDE_COMMAND } from "./votes.ts";

/** Longer texts are none of ours. */
const MAX_REGISTER_CHARACTERS = 65_536;
const MAX_NAME_CHARACTERS = 256;
const MAX_REGISTERED_MEMBERS = 256;
const FORMAT = "systole-register-1";

/** The content of the register. */
export interface Lineage {
  /** The name of the cluster, so that two clusters do not share a register unawares. */
  readonly cluster: string;
  /** Names this register for as long as it has a vote; equal to what the CIB has committed, or it is another one. */
  readonly register: string;
  /** The primary view of the half that was last given the vote; 0: none was. */
  readonly number: number;
  readonly members: readonly NodeId[];
  /** Every half that was given the vote before, and established its view, had this number or a lower one. */
  readonly base: number;
  /** Who wrote this, each time another: what was read is one's own writing only if this is equal. */
  readonly claim: string;
}

/** What a half knows of itself. */
export interface Half extends Plantable {
  readonly register: string;
  /** Members whose store is whole. */
  readonly intact: readonly NodeId[];
  /** The highest primary view that one of these has adopted. */
  readonly adopted: number;
  /** The operator has said that what others have acknowledged may be lost. */
  readonly override: boolean;
}

/** The judgement: the `base` to write, and above which number the view's must be; or why not, in a sentence. */
export type LineageVerdict =
  | { readonly granted: true; readonly base: number; readonly above: number }
  | { readonly granted: false; readonly code: "unknown-register" | "others-went-on"; readonly reason: string };

/** Whether a half may write itself over this. */
export function judgeLineage(held: Lineage, half: Half): LineageVerdict {
  if (held.register !== half.register) {
    const reason =
      `The arbiter's register is not the one that the cluster has agreed on (it belongs to ${held.cluster}, ${held.register}): it was lost, or it is ` +
      `another cluster's. A majority of the nodes sets it up anew by itself; until then it gives no vote.`;
    return { granted: false, code: "unknown-register", reason };
  }
  if (half.adopted >= held.number) return { granted: true, base: held.number, above: 0 };
  const isOfIt = held.members.some((id) => half.intact.includes(id));
  const isOld = half.adopted < held.base && !faultPlanted(half, "register-base-ignored");
  if (isOfIt && !isOld) return { granted: true, base: held.base, above: 0 };
  if (faultPlanted(half, "register-lineage-ignored")) return { granted: true, base: held.base, above: held.number };
  if (half.override) return { granted: true, base: half.adopted, above: held.number };
  const reason =
    `The arbiter has given its vote to another half since: node ${held.members.join(", node ")} went on in primary view ${held.number}, of which ` +
    `nothing is known here, and what was acknowledged there would be lost. Bring one of these nodes back. If they are gone for good: start this node again, and run "${START_OVERRIDE_COMMAND}" here.`;
  return { granted: false, code: "others-went-on", reason };
}

/** As it is stored. */
export function formatLineage({ cluster, register, number, members, base, claim }: Lineage): string {
  return `${JSON.stringify({ format: FORMAT, cluster, register, number, members, base, claim })}\n`;
}

/** What was stored; undefined when it is something else. */
export function parseLineage(text: string): Lineage | undefined {
  if (text.length > MAX_REGISTER_CHARACTERS) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null || !("format" in value) || value.format !== FORMAT) return undefined;
  const { cluster, register, number, members, base, claim } = { ...NOTHING, ...value };
  if (!isName(cluster) || !isName(register) || !isName(claim) || !isCount(number) || !isCount(base)) return undefined;
  if (!Array.isArray(members) || members.length > MAX_REGISTERED_MEMBERS || !members.every(isCount)) return undefined;
  return { cluster, register, number, members, base, claim };
}

/** What is missing is of no type that fits. */
const NOTHING: Readonly<Record<keyof Lineage, unknown>> = {
  cluster: undefined,
  register: undefined,
  number: undefined,
  members: undefined,
  base: undefined,
  claim: undefined,
};

function isName(value: unknown): value is string {
  return typeof value === "string" && value.length > 0 && value.length <= MAX_NAME_CHARACTERS;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
