// One fence: what is being done to one victim, how far it is, and how it stands in the history.

import type { Element } from "../../kernel/cib/element.ts";
import type { NodeId } from "../../kernel/membership/view.ts";
import { type FenceAction, type FenceDevice, readDevices, readLevels } from "./devices.ts";

/** Pause after the first reading that was not "off"; doubled each time. */
export const READ_AGAIN_FIRST_MS = 20;

/** One fence, as `status` and the history show it. */
export interface FenceRecord {
  readonly target: string;
  readonly action: FenceAction;
  readonly state: "pending" | "done" | "failed";
  /** The device (or the devices of the level) that did it, or was tried last. */
  readonly device?: string;
  /** The node that called the device. */
  readonly by?: string;
  readonly epochMs: number;
  readonly durationMs?: number;
  /** Why it was asked for, or why it failed. */
  readonly text?: string;
}

/** What is to be done to one device. */
export interface Task {
  readonly device: FenceDevice;
  readonly level: number;
}

/** A fence that is under way. */
export interface Fence {
  readonly target: string;
  action: FenceAction;
  readonly timeoutMs: number;
  readonly why: string;
  readonly startedMs: number;
  readonly epochMs: number;
  /** Groups of devices, each a way to do it; the first that succeeds as a whole is enough. */
  readonly ways: readonly (readonly Task[])[];
  way: number;
  task: number;
  attempt: number;
  phase: "delay" | "switch" | "read" | "pause" | "retry";
  /** What the present pass over the devices of the way wants; "on" comes after all are off. */
  want: "off" | "on";
  /** End of the delay or pause. */
  wakeMs: number | undefined;
  pauseMs: number;
  deviceDeadlineMs: number;
  attemptDeadlineMs: number;
  call: { readonly id: number; readonly node: NodeId; readonly deadlineMs: number } | undefined;
  by: string | undefined;
  lastFailure: string;
  /** The device said that it could not switch: reading goes on once, not until the deadline, and the next device gets its turn. */
  refused: boolean;
  /** The kill (or the wanted "on") is confirmed and was told. */
  confirmed: boolean;
}

/** What is being done now. */
export function taskOf(fence: Fence): Task | undefined {
  return fence.ways[fence.way]?.[fence.task];
}

/** The fence as the history has it. */
export function recordOf(fence: Fence, state: FenceRecord["state"], durationMs: number | undefined): FenceRecord {
  const way = fence.ways[fence.way] ?? [];
  const device = way.map((task) => task.device.id).join(",");
  return {
    target: fence.target,
    action: fence.action,
    state,
    ...(device === "" ? {} : { device }),
    ...(fence.by === undefined ? {} : { by: fence.by }),
    epochMs: fence.epochMs,
    ...(durationMs === undefined ? {} : { durationMs }),
    text: fence.why,
  };
}

/** What a fence is asked to do. */
export interface FenceOrder {
  readonly target: string;
  readonly action: FenceAction;
  /** How long one device may take (stonith-timeout). */
  readonly timeoutMs: number;
  /** Wait before the first device (priority-fencing-delay), besides what the device is configured with. */
  readonly delayMs: number;
  readonly why: string;
}

/** A fence that begins now. */
export function newFence(order: FenceOrder, ways: readonly (readonly Task[])[], nowMs: number, epochMs: number): Fence {
  return {
    target: order.target,
    action: order.action,
    timeoutMs: order.timeoutMs,
    why: order.why,
    startedMs: nowMs,
    epochMs,
    ways,
    way: 0,
    task: 0,
    attempt: 0,
    phase: "switch",
    want: order.action === "on" ? "on" : "off",
    wakeMs: undefined,
    pauseMs: READ_AGAIN_FIRST_MS,
    deviceDeadlineMs: nowMs,
    attemptDeadlineMs: nowMs,
    call: undefined,
    by: undefined,
    lastFailure: "",
    refused: false,
    confirmed: false,
  };
}

/** The ways in which a victim can be fenced, best first: the levels of the topology, or each device that may. */
export function waysFor(cib: Element, target: string, isUsable: (device: FenceDevice) => boolean): Task[][] {
  const devices = readDevices(cib);
  const levels = readLevels(cib, target);
  if (levels.length === 0) return devices.filter(isUsable).map((device) => [{ device, level: 0 }]);
  const ways: Task[][] = [];
  for (const level of levels) {
    const tasks: Task[] = [];
    for (const id of level.devices) {
      const device = devices.find((candidate) => candidate.id === id);
      if (device !== undefined) tasks.push({ device, level: level.index });
    }
    // A level of which a device is missing cannot succeed as a whole.
    if (tasks.length === level.devices.length && tasks.length > 0) ways.push(tasks);
  }
  return ways;
}
