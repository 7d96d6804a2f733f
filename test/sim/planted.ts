// The mistakes that can be planted in the product (runtime/kernel/planted-fault.ts): what each is, and under what it shows. `seeds` is
// within how many seeds, from 1 on, some checker must speak; no checker knows of any of them.

import type { PlantedFault } from "../../runtime/kernel/planted-fault.ts";
import type { Dials } from "./dials.ts";

/** One mistake. */
export interface Mistake {
  /** What the product does wrong, in a sentence. */
  readonly text: string;
  readonly layer: "kernel" | "all";
  readonly nodes: number;
  readonly minutes: number;
  readonly seeds: number;
  /** What must be there for the mistake to be made at all. */
  readonly turn?: (dials: Dials) => Dials;
}

const kernel = { layer: "kernel", nodes: 5, minutes: 3, seeds: 30 } as const;
const all = { layer: "all", nodes: 5, minutes: 3, seeds: 20 } as const;
/** The product's own store on simulated files. */
const realStore = (dials: Dials): Dials => ({ ...dials, disk: { ...dials.disk, realStore: true } });
/** The same, where writes take so long that the power goes in the midst of them. */
const slowStore = (dials: Dials): Dials => ({ ...dials, disk: { ...dials.disk, realStore: true, syncMs: 80 } });
/** Stores are lost often, and many computers lose their power together. */
const lostStores = (dials: Dials): Dials => ({
  ...dials,
  faultWeights: { ...dials.faultWeights, "store-lost": 1, "rack-loss": 2, blackout: 1 },
});

/** All mistakes. */
export const PLANTED: Readonly<Record<PlantedFault, Mistake>> = {
  "ack-before-persist": { ...kernel, text: "a member says that it has stored a change when it has only received it" },
  "ack-by-coordinator-alone": { ...kernel, text: "a change counts as stored when the coordinator has it" },
  "adopt-not-persisted": { ...kernel, text: "a log is taken over under a primary number that never reaches the disk" },
  "promise-not-persisted": { ...kernel, text: "a primary number is promised in memory only" },
  "client-table-lost": { ...kernel, text: "what was carried out before is not looked up by the request's id" },
  "open-requests-forgotten": {
    ...kernel,
    text: "a request that is under way is carried out again when it is asked again",
  },
  "coordinators-log-wins": { ...kernel, text: "the coordinator takes its own log for the best one" },
  "old-data-unchecked": { ...kernel, text: "logs count as equal when they are equally long" },
  "damaged-store-votes": { ...kernel, turn: lostStores, text: "a member whose store was lost counts a vote" },
  "quorum-off-by-one": { ...kernel, text: "half of the votes are a quorum" },
  "quorum-of-the-living": { ...kernel, text: "the votes are counted against those of the members that are here" },
  "stale-view-accepted": { ...kernel, text: "an install is obeyed whatever its number, and whether accepted or not" },
  "tie-broken-by-each": { ...kernel, text: "of members of one seniority each takes itself for the coordinator" },
  "duplicate-piece-taken": { ...kernel, text: "a piece of a message that comes twice is put in twice" },
  "wait-for-all-ignored": {
    ...kernel,
    nodes: 2,
    text: "after a start one of two nodes goes on without having seen the other",
  },
  "survivor-does-not-wait": { ...kernel, nodes: 2, text: "one of two nodes goes on alone before the other is off" },
  "fsync-skipped": { ...kernel, turn: realStore, text: "the store says that records are on the disk without a sync" },
  "snapshot-not-synced": {
    ...kernel,
    turn: realStore,
    text: "the store renames a snapshot that may not be on the disk yet",
  },
  "checksum-unchecked": { ...kernel, turn: slowStore, text: "a frame of the store is read whatever its checksum says" },
  "damaged-log-believed": { ...kernel, turn: realStore, text: "a log with a hole is taken for one with a torn end" },
  "aborted-call-not-awaited": { ...all, text: "the next call of an agent does not wait for one that was aborted" },
  "failed-action-confirmed": { ...all, text: "an action that failed counts as done in the plan" },
  "fence-done-on-request": { ...all, text: "a fence counts when the device says that it has switched" },
  "recovery-before-fence": { ...all, text: "what waits for a fence goes on when the fence was asked for" },
  "leave-with-resources": { ...all, text: "a node leaves cleanly while something runs on it" },
  "stale-coordinator-goes-on": { ...all, text: "a coordinator does not step down, and nodes obey it" },
  "status-not-rebuilt": { ...all, text: "the status after a merge is that of the coordinator alone" },
  "missing-incarnation-check": {
    ...all,
    text: "a later life of a node is taken for one that knows what the earlier one did",
  },
  "action-without-quorum": { ...all, text: "nobody asks whether the view is primary before something is started" },
  "history-of-earlier-life-believed": { ...all, text: "what a node's earlier life has reported stays in the status" },
  "inherited-actions-forgotten": { ...all, text: "a new coordinator does not know of actions that are under way" },
  "quorum-loss-untold": { ...all, text: "the CIB says that there is quorum in every view" },
  "result-dropped": { ...all, text: "a result that comes while there is no coordinator is never reported" },
  "waiting-writes-kept": { ...kernel, text: "what was to be written in an older view is written in the next one" },
  "stale-message-accepted": { ...kernel, text: "the kernel takes messages of older views" },
  "promise-repeated": { ...kernel, text: "a node accepts two proposals of one number" },
  "slept-node-stays": { ...kernel, text: "a node that was stopped goes on in the view that it knew" },
  "refusal-believed": {
    ...kernel,
    text: "a refusal by a view that is not primary is passed on for a change that may be in",
  },
};

/** Whether there is a mistake of that name. */
export function isPlanted(name: string): name is PlantedFault {
  return name in PLANTED;
}
