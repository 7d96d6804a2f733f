// Mistakes that can be planted in the product on purpose, so that it can be seen that the simulator finds such mistakes.
//
// Each name stands at the one place where a programmer would make that mistake, behind `faultPlanted`. Which one is planted, if any, is a
// value of the machines' configuration that only the simulator gives: no file, no datagram, no environment and no option of the program
// leads to it, and a test looks after that. Where it is absent, each place costs the comparison of two references.

/** The mistakes; `test/sim/planted.ts` says of each what it is and who finds it. */
export type PlantedFault =
  | "ack-before-persist"
  | "ack-by-coordinator-alone"
  | "action-without-quorum"
  | "adopt-not-persisted"
  | "aborted-call-not-awaited"
  | "arbiter-conflict-ignored"
  | "arbiter-timeout-taken-as-granted"
  | "checksum-unchecked"
  | "client-table-lost"
  | "coordinators-log-wins"
  | "damaged-log-believed"
  | "damaged-store-votes"
  | "duplicate-piece-taken"
  | "failed-action-confirmed"
  | "fence-done-on-request"
  | "fsync-skipped"
  | "leave-with-resources"
  | "mark-not-synced"
  | "missing-incarnation-check"
  | "old-data-unchecked"
  | "open-requests-forgotten"
  | "promise-not-persisted"
  | "quorum-of-the-living"
  | "quorum-off-by-one"
  | "register-base-ignored"
  | "register-lineage-ignored"
  | "recovery-before-fence"
  | "snapshot-not-synced"
  | "stale-coordinator-goes-on"
  | "stale-view-accepted"
  | "status-not-rebuilt"
  | "survivor-does-not-wait"
  | "tie-broken-by-each"
  | "wait-for-all-ignored"
  | "waiting-writes-kept";

/** A part of a machine's configuration. */
export interface Plantable {
  /** Only the simulator sets it. */
  readonly planted?: PlantedFault | undefined;
}

/** Whether this mistake is to be made here. */
export function faultPlanted(config: Plantable, fault: PlantedFault): boolean {
  return config.planted === fault;
}
