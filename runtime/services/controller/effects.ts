// What the controller's parts give out, and the surroundings that they share while this node is the coordinator.

import type { Element } from "../../kernel/cib/element.ts";
import type { Incarnation, NodeId } from "../../kernel/membership/view.ts";
import type { ChangeRequest } from "../../kernel/messages.ts";
import type { Plantable } from "../../kernel/planted-fault.ts";
import type { OperationDigest } from "../executor/history.ts";
import type { FenceAction } from "../fencer/devices.ts";
import type { FenceRecord } from "../fencer/fence.ts";
import type { ClusterEvent, RequestOutcome, ServiceMessage } from "../messages.ts";
import type { Schedule, ScheduleOptions } from "../scheduler/schedule.ts";
import type { ConfiguredNode } from "./node-states.ts";
import type { StatusWriter } from "./status-writer.ts";

/** The scheduler, as its caller provides it. */
export type Scheduler = (
  cib: Element,
  options: ScheduleOptions,
) => Schedule & {
  /** How long it took, where that is measured: plans are not to take all the time there is. */
  readonly tookMs?: number;
};

/** Whose votes are to count, by the configuration of this node; absent: that is nobody's business here. */
export interface WantedVoters {
  readonly votes: ReadonlyMap<NodeId, number>;
  /** The fewest votes that the cluster must expect, given in the configuration or committed. */
  readonly expectedVotes: (cib: Element) => number | undefined;
  /** An arbiter is to have a vote where the others can be halved. */
  readonly arbiter?: { readonly cluster: string };
}

export interface ControllerConfig extends Plantable {
  readonly self: NodeId;
  readonly nodes: readonly ConfiguredNode[];
  readonly voters?: WantedVoters;
  readonly schedule: Scheduler;
  readonly md5Hex: (text: string) => string;
  readonly digest: OperationDigest;
  readonly runId: string;
  readonly timeZoneOffsetMinutes: number;
}

export type ControllerEffect =
  | { readonly type: "send"; readonly to: NodeId; readonly message: ServiceMessage }
  | { readonly type: "change"; readonly request: ChangeRequest }
  | {
      readonly type: "fence";
      readonly target: string;
      readonly action: FenceAction;
      readonly timeoutMs: number;
      readonly delayMs: number;
      readonly why: string;
    }
  /** A life of a node was read as off. */
  | { readonly type: "fenced"; readonly node: NodeId; readonly incarnation: Incarnation }
  /** A person answers for it that a node is off, which counts like a fence. */
  | { readonly type: "fence-confirmed"; readonly record: FenceRecord }
  | {
      readonly type: "request-answer";
      readonly to: NodeId;
      readonly requestId: string;
      readonly outcome: RequestOutcome;
    }
  | { readonly type: "event"; readonly event: ClusterEvent };

/** What the parts of the controller have in common during one step. */
export interface Desk {
  readonly config: ControllerConfig;
  readonly writer: StatusWriter;
  readonly nowMs: number;
  readonly epochMs: number;
  readonly primary: boolean;
  emit(effect: ControllerEffect): void;
  tell(event: Omit<ClusterEvent, "epochMs">): void;
  /** The life of a node that is a member and not off; undefined for all others. */
  lifeOf(id: NodeId): Incarnation | undefined;
  /** A new plan is needed, because of this. */
  replan(reason: string): void;
}

/** A configured node by its name or its id. */
export function nodeNamed(config: ControllerConfig, name: string | undefined): ConfiguredNode | undefined {
  return config.nodes.find((node) => node.name === name || `${node.id}` === name);
}

export function nodeName(config: ControllerConfig, id: NodeId): string {
  return config.nodes.find((node) => node.id === id)?.name ?? `node ${id}`;
}
