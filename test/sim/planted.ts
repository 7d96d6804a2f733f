// The mistakes that can be planted in the product (runtime/kernel/planted-fault.ts): what each is, and under what it shows. `seeds` is
// within how many seeds some checker must speak, `from` where they begin, so that the test need not run all those before that are known
// not to show it; no checker knows of any of them.

import type { PlantedFault } from "../../runtime/kernel/planted-fault.ts";
import { type Dials, FAULT_KINDS, type FaultKind } from "./dials.ts";

/** One mistake. */
export interface Mistake {
  /** What the product does wrong, in a sentence. */
  readonly text: string;
  readonly layer: "kernel" | "all";
  readonly nodes: number;
  /** In a world with an arbiter. */
  readonly arbiter?: boolean;
  readonly minutes: number;
  readonly seeds: number;
  /** The first seed; 1 when absent. */
  readonly from?: number;
  /** What must be there for the mistake to be made at all. */
  readonly turn?: (dials: Dials) => Dials;
}

const NO_FAULTS = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>;

const kernel = { layer: "kernel", nodes: 5, minutes: 3, seeds: 30 } as const;
const all = { layer: "all", nodes: 5, minutes: 3, seeds: 20 } as const;
const halves = { layer: "kernel", nodes: 4, arbiter: true, minutes: 5, seeds: 30 } as const;
/** The product's own store on simulated files. */
const realStore = (dials: Dials): Dials => ({ ...dials, disk: { ...dials.disk, realStore: true } });
/** The same, and bits rot just before everything goes off. */
const rottenStore = (dials: Dials): Dials => ({
  ...dials,
  disk: { ...dials.disk, realStore: true },
  faultIntervalMs: 1_500,
  faultWeights: { ...NO_FAULTS, "bit-rot": 2, blackout: 1 },
});
/** The same, where writes take so long that the power goes in the midst of them. */
const slowStore = (dials: Dials): Dials => ({
  ...dials,
  disk: { ...dials.disk, realStore: true, syncMs: 80 },
  changeIntervalMs: 150,
  faultIntervalMs: 3_000,
  faultWeights: { ...NO_FAULTS, "power-loss": 2, "rack-loss": 0.5, crash: 0.5, "bit-rot": 0.2 },
  powerOnMs: 3_000,
});
/** Stores are lost often, and many computers lose their power together. */
const lostStores = (dials: Dials): Dials => ({
  ...dials,
  faultWeights: { ...dials.faultWeights, "store-lost": 1, "rack-loss": 2, blackout: 1 },
});

/** Writes take long, so that some wait while another is under way, and views change all the time. */
const slowDisks = (dials: Dials): Dials => ({
  ...dials,
  disk: { ...dials.disk, realStore: false, syncMs: 60, slowRate: 0.2, slowMs: 400 },
  changeIntervalMs: 60,
  faultIntervalMs: 2_500,
  faultLength: 0.5,
  faultWeights: { ...NO_FAULTS, isolation: 1, partition: 1, pause: 1, "slow-path": 1, crash: 0.5 },
});
/** A good arbiter, bad disks: the register is written, and the view is over before any disk has its number. */
const voteInVain = (dials: Dials): Dials => ({
  ...dials,
  network: { ...dials.network, lossRate: 0 },
  disk: { ...dials.disk, realStore: false, syncMs: 300, slowRate: 0.3, slowMs: 700 },
  changeIntervalMs: 400,
  faultIntervalMs: 2_000,
  faultLength: 0.6,
  faultWeights: { ...NO_FAULTS, partition: 3, isolation: 0.3, crash: 0.3, "crash-at-effect": 0.3 },
  arbiter: {
    delayMs: 5,
    lossRate: 0,
    lateRate: 0,
    lateMs: 0,
    failRate: 0,
    calmMs: 1e9,
    troubleMs: 0,
    forgetRate: 0,
    waitForAll: false,
  },
});
/** Cuts last little longer than it takes to notice them, so that both sides may have been asked for one change each. */
const shortCuts = (dials: Dials): Dials => ({
  ...dials,
  changeIntervalMs: 800,
  faultIntervalMs: 4_000,
  faultLength: 0.4,
  faultWeights: { ...NO_FAULTS, isolation: 1, partition: 1 },
});
/**
 * Of two computers one goes down and stays off while the other goes on; then that one goes too, and the first comes back alone and has the
 * time to fence the other.
 */
const oneAfterTheOther = (dials: Dials): Dials => ({
  ...dials,
  stonithAction: "off",
  devices: { ...dials.devices, failRate: 0, hangRate: 0, lieRate: 0, lagMs: 0, denyRate: 0, misreadRate: 0 },
  faultIntervalMs: 30_000,
  faultWeights: { ...NO_FAULTS, "power-loss": 1 },
  powerOnMs: 60_000,
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
  "coordinators-log-wins": { ...kernel, from: 9, text: "the coordinator takes its own log for the best one" },
  "old-data-unchecked": { ...kernel, turn: shortCuts, text: "logs count as equal when they are equally long" },
  "arbiter-timeout-taken-as-granted": {
    ...halves,
    nodes: 2,
    text: "a half goes on when the arbiter has not answered in time",
  },
  "arbiter-conflict-ignored": {
    ...halves,
    nodes: 2,
    text: "a half goes on when the other one was faster at the arbiter",
  },
  "register-base-ignored": {
    ...halves,
    turn: voteInVain,
    text: "who belongs to the registered half takes the vote, even if an earlier half has gone on without him",
  },
  "register-lineage-ignored": {
    ...halves,
    nodes: 2,
    text: "a half takes the arbiter's vote whatever the other one has done with it",
  },
  "damaged-store-votes": { ...kernel, turn: lostStores, text: "a member whose store was lost counts a vote" },
  "quorum-off-by-one": { ...kernel, text: "half of the votes are a quorum" },
  "quorum-of-the-living": { ...kernel, text: "the votes are counted against those of the members that are here" },
  "waiting-writes-kept": {
    ...kernel,
    turn: slowDisks,
    text: "what waited for the disk when the view changed is written in the next one",
  },
  "wait-for-all-ignored": {
    ...all,
    nodes: 2,
    minutes: 6,
    turn: oneAfterTheOther,
    text: "one of two nodes goes on after a start without having seen the other",
  },
  "stale-view-accepted": { ...kernel, text: "an install is obeyed whatever its number, and whether accepted or not" },
  "tie-broken-by-each": { ...kernel, text: "of members of one seniority each takes itself for the coordinator" },
  "duplicate-piece-taken": { ...kernel, text: "a piece of a message that comes twice is put in twice" },
  "survivor-does-not-wait": { ...kernel, nodes: 2, text: "one of two nodes goes on alone before the other is off" },
  "fsync-skipped": { ...kernel, turn: realStore, text: "the store says that records are on the disk without a sync" },
  "snapshot-not-synced": {
    ...kernel,
    turn: realStore,
    text: "the store renames a snapshot that may not be on the disk yet",
  },
  "checksum-unchecked": {
    ...kernel,
    turn: slowStore,
    text: "a frame of the store is read whatever its checksum says",
  },
  "mark-not-synced": {
    ...kernel,
    turn: rottenStore,
    text: "what the store knows of its log never reaches the disk",
  },
  "damaged-log-believed": {
    ...kernel,
    from: 10,
    turn: realStore,
    text: "a log with a hole is taken for one with a torn end",
  },
  "aborted-call-not-awaited": { ...all, text: "the next call of an agent does not wait for one that was aborted" },
  "failed-action-confirmed": { ...all, text: "an action that failed counts as done in the plan" },
  "fence-done-on-request": { ...all, text: "a fence counts when the device says that it has switched" },
  "recovery-before-fence": { ...all, text: "what waits for a fence goes on when the fence was asked for" },
  "leave-with-resources": { ...all, text: "a node leaves cleanly while something runs on it" },
  "stale-coordinator-goes-on": { ...all, text: "a coordinator does not step down, and nodes obey it" },
  "status-not-rebuilt": { ...all, text: "the status after a merge is that of the coordinator alone" },
  "action-without-quorum": { ...all, text: "nobody asks whether the view is primary before something is started" },
  "missing-incarnation-check": {
    ...all,
    from: 4,
    text: "what an earlier life of a node has reported counts for the present one",
  },
};

/** Whether there is a mistake of that name. */
export function isPlanted(name: string): name is PlantedFault {
  return name in PLANTED;
}
