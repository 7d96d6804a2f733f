import type { Element } from "./cib/element.ts";
import type { Machine } from "./machine.ts";
import type { ChainPosition, NodeId } from "./membership/view.ts";
import type {
  CompletedRequest,
  ConfigurationProblem,
  KernelEffect,
  KernelInput,
  LogEntry,
  LogPosition,
  Standing,
} from "./messages.ts";
import type { QuorumConfig } from "./quorum/votes.ts";

/** How the kernel is set up. */
export interface KernelConfig {
  readonly self: NodeId;
  /** How votes are counted, read from a CIB (and from what the host knows besides). Must depend on nothing else. */
  readonly quorum: (cib: Element) => QuorumConfig;
  /** A collision-resistant hash of a text, in hexadecimal (sha256 in production). */
  readonly hash: (text: string) => string;
  /** Everything that is wrong with a new CIB; empty when it may be used. `previous` shares every subtree that did not change. */
  readonly validateConfiguration: (next: Element, previous: Element) => readonly ConfigurationProblem[];
  /** A disk that takes longer than this is a broken disk: the node steps out. Default 2,000. */
  readonly persistTimeoutMs?: number;
  /** A change that has no result after this time is answered "unknown" (or refused, when it was never sent). Default 10,000. */
  readonly requestTimeoutMs?: number;
}

/** What the store knows at the start. `cib` is the document of the store, or the founding one when the store is empty or damaged. */
export interface KernelInitial {
  readonly cib: Element;
  readonly position: LogPosition;
  /** Oldest first. */
  readonly recentRequests: readonly CompletedRequest[];
  /** The last entries of the log, so that others can be caught up by entries. */
  readonly entries: readonly LogEntry[];
}

/** The kernel of one node above the pulse: quorum, and the replicated CIB. */
export interface Kernel extends Machine<KernelInput, KernelEffect> {
  /** The committed CIB, as last given by the effect `cib`. */
  readonly cib: Element;
  /** As last given by the effect `standing`; undefined before the first view. */
  readonly standing: Standing | undefined;
  /** For the pulse at the start; later by the effect `chain`. */
  readonly chain: ChainPosition;
}
