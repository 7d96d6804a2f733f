// The node as one machine: the kernel, and the services above it (controller, executor, fencer, attributes).
//
// What one part asks of another is handed over inside the same step, so between a fence outcome or the result of an operation and the next
// request there is no timer, no tick and no way through the host.

import type { Element } from "../kernel/cib/element.ts";
import type { KernelConfig, KernelInitial } from "../kernel/kernel.ts";
import type { Machine } from "../kernel/machine.ts";
import type { ChainPosition, Incarnation, NodeId } from "../kernel/membership/view.ts";
import type { Standing } from "../kernel/messages.ts";
import type { FenceRecord } from "./fencer/fencer.ts";
import type { NodeEffect, NodeInput } from "./messages.ts";
import type { Schedule, ScheduleOptions } from "./scheduler/schedule.ts";

/** How a node is set up. */
export interface NodeMachineConfig {
  readonly self: NodeId;
  readonly incarnation: Incarnation;
  /** All configured nodes, this one among them: number and name (uname). */
  readonly nodes: readonly { readonly id: NodeId; readonly name: string }[];
  readonly kernel: Omit<KernelConfig, "self">;
  /** The scheduler (runtime/services/scheduler/schedule.ts). */
  readonly schedule: (cib: Element, options: ScheduleOptions) => Schedule;
  readonly md5Hex: (text: string) => string;
  /** A number from 0 up to 1, for random fencing delays. */
  readonly random: () => number;
  /** Identifies this life of the node in transition keys: a UUID, 36 characters. */
  readonly runId: string;
  /** Wall clock at the start, epoch milliseconds; afterwards the input `wall-clock` keeps it right. */
  readonly epochMs: number;
  readonly timeZoneOffsetMinutes?: number;
}

/** Something that is under way, for `status`: hung calls have names. */
export interface OperationInFlight {
  /** In words: "start of web on n2". */
  readonly what: string;
  readonly sinceMs: number;
}

/** A node. */
export interface NodeMachine extends Machine<NodeInput, NodeEffect> {
  /** The committed CIB. */
  readonly cib: Element;
  readonly standing: Standing | undefined;
  /** For the pulse at the start; later by the effect `chain`. */
  readonly chain: ChainPosition;
  /** The plan that the coordinator is carrying out; undefined on other nodes and while idle. */
  readonly transition: TransitionStatus | undefined;
  /** What this node is doing itself, and what it waits for as the coordinator; sorted by age, oldest first. */
  readonly inFlight: readonly OperationInFlight[];
  /** What was fenced from here, oldest first. */
  readonly fencingHistory: readonly FenceRecord[];
}

/** Where a transition stands. */
export interface TransitionStatus {
  readonly number: number;
  /** Actions in the plan, and those that are done. */
  readonly actions: number;
  readonly confirmed: number;
  readonly reason: string;
}

/** Makes a node from its configuration and what the store knows. */
export declare function createNode(config: NodeMachineConfig, initial: KernelInitial): NodeMachine;
