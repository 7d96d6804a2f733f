import type { Element } from "../kernel/cib/element.ts";
import type { CompletedRequest, LogEntry, LogPosition, StoreRecord } from "../kernel/messages.ts";

/** What was found in the directory. */
export interface StoreInitial {
  /** The durable document (no status section); undefined when the store is empty or damaged. */
  readonly cib: Element | undefined;
  readonly position: LogPosition;
  readonly recentRequests: readonly CompletedRequest[];
  readonly entries: readonly LogEntry[];
  /** What was repaired or set aside, in sentences for the log. */
  readonly notes: readonly { readonly code: string; readonly text: string }[];
}

/** The durable store of one node. */
export interface Store {
  readonly initial: StoreInitial;
  /**
   * Writes the records in order and returns when they are on disk.
   * @throws StoreError; the store takes nothing more after that.
   */
  persist(records: readonly StoreRecord[]): Promise<void>;
  close(): Promise<void>;
}
