// What the checkers are told, and what they may look at. They see the world from outside, with its own clock: what is true on
// every computer at this moment, and what each node says and does. They know nothing of how the product decides.

import type { Element } from "../../runtime/kernel/cib/element.ts";
import type { KernelInitial } from "../../runtime/kernel/kernel.ts";
import type { Incarnation, NodeId, View } from "../../runtime/kernel/membership/view.ts";
import type { ChangeOutcome, ChangeRequest, Standing, StoreRecord } from "../../runtime/kernel/messages.ts";
import type { AgentCall, AgentOutcome, AlertCall, AlertOutcome } from "../../runtime/services/calls.ts";
import type { Message } from "../../runtime/services/messages.ts";
import type { ResourceState } from "./agents.ts";
import type { Dials } from "./dials.ts";

/** One computer, as it truly is. */
export interface NodeFacts {
  readonly id: NodeId;
  readonly name: string;
  readonly power: "on" | "off";
  /** Systole's process there; undefined when none runs. */
  readonly life: LifeFacts | undefined;
  state(resource: string): ResourceState;
  /** Names of what runs, well or badly. */
  active(): readonly string[];
}

/** One life of Systole's process. */
export interface LifeFacts {
  readonly incarnation: Incarnation;
  /** World time from which it has not been stopped or hung; undefined while it is. */
  readonly runningSinceMs: number | undefined;
  /** As it said last. */
  readonly view: View | undefined;
  readonly standing: Standing | undefined;
  readonly cib: Element | undefined;
}

/** The world. */
export interface Facts {
  readonly nowMs: number;
  readonly dials: Dials;
  readonly nodes: readonly NodeFacts[];
}

/** Who acted. */
interface By {
  readonly node: NodeFacts;
  readonly incarnation: Incarnation;
}

/** Something happened. */
export type Observation =
  | (By & { readonly seen: "started" })
  /** `clean`: it left the cluster and ended by itself. */
  | (By & { readonly seen: "ended"; readonly clean: boolean; readonly why: string })
  | { readonly seen: "power"; readonly node: NodeFacts; readonly power: "on" | "off"; readonly why: string }
  | (By & { readonly seen: "view"; readonly view: View })
  | (By & { readonly seen: "standing"; readonly standing: Standing })
  | (By & { readonly seen: "cib"; readonly cib: Element })
  /** The same of a member of an established primary view: elsewhere a node may show what never becomes valid. */
  | (By & { readonly seen: "committed"; readonly cib: Element })
  | (By & { readonly seen: "send"; readonly to: NodeId; readonly message: Message })
  /** Given to the disk: from now on some of it may be there. */
  | (By & { readonly seen: "persisting"; readonly records: readonly StoreRecord[] })
  /** On disk now, as far as the node was told. */
  | (By & { readonly seen: "persisted"; readonly records: readonly StoreRecord[] })
  /** An agent was called while `others` of the same resource had not ended on this node. */
  | (By & {
      readonly seen: "agent-call";
      readonly resource: string;
      readonly call: AgentCall;
      readonly others: readonly AgentCall[];
    })
  | (By & {
      readonly seen: "agent-answer";
      readonly resource: string;
      readonly call: AgentCall;
      readonly outcome: AgentOutcome;
    })
  /** Somebody outside is being told something while `others` to the same recipient have not ended on this node. */
  | (By & { readonly seen: "alert-call"; readonly call: AlertCall; readonly others: readonly AlertCall[] })
  | (By & { readonly seen: "alert-answer"; readonly call: AlertCall; readonly outcome: AlertOutcome })
  /** The truth about a resource on a computer has changed. */
  | { readonly seen: "resource"; readonly node: NodeFacts; readonly resource: string; readonly state: ResourceState }
  | { readonly seen: "change-asked"; readonly request: ChangeRequest; readonly register: RegisterWrite | undefined }
  /** The request goes to a node, perhaps not for the first time. */
  | { readonly seen: "change-sent"; readonly requestId: string; readonly node: NodeFacts }
  | { readonly seen: "change-answered"; readonly requestId: string; readonly outcome: ChangeOutcome }
  /** What a process finds at its start: perhaps more than any process was told to be there. */
  | { readonly seen: "store-opened"; readonly node: NodeFacts; readonly initial: KernelInitial }
  /** What was on its disk is gone or spoilt. */
  | { readonly seen: "store-lost"; readonly node: NodeFacts }
  /** Faults have stopped and everything is repaired. */
  | { readonly seen: "healed" }
  /** The time to converge is over. */
  | { readonly seen: "end" }
  /** A second of the world has passed. */
  | { readonly seen: "second" };

/** A change that puts a number into a register. */
export interface RegisterWrite {
  readonly register: number;
  readonly value: number;
}

/** One thing that may never happen; named after it. */
export interface Checker {
  readonly name: string;
  /** The kinds of observation that it is shown. */
  readonly sees: readonly Observation["seen"][];
  /** Returns what is wrong in a sentence; undefined when nothing is. */
  see(observation: Observation, facts: Facts): string | undefined;
}
