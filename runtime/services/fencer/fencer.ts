// The fencer: cuts a node's power through the configured devices, and believes only what it has read.
//
// One fence per victim at a time; who asks again while it runs joins it. A fence tries the levels of the topology in order (all devices
// of a level must succeed) or, without a topology, one device after the other. With each device: switch off, then read the power, at once
// and then with a growing pause, until it is read as off. Only that counts. A reboot is the same with "on" afterwards; the kill stands
// from the moment "off" was read, so nobody waits for the "on", and its failure takes nothing back.

import type { Element } from "../../kernel/cib/element.ts";
import { earliest, type Machine, type Tick } from "../../kernel/machine.ts";
import type { NodeId } from "../../kernel/membership/view.ts";
import { faultPlanted, type Plantable } from "../../kernel/planted-fault.ts";
import type { DeviceCall, DeviceOutcome } from "../calls.ts";
import {
  canFence,
  deviceAttempts,
  deviceDelayMs,
  deviceTimeoutMs,
  type FenceDevice,
  mappedAction,
  targetName,
} from "./devices.ts";

import {
  type Fence,
  type FenceOrder,
  type FenceRecord,
  newFence,
  READ_AGAIN_FIRST_MS,
  recordOf,
  taskOf,
  waysFor,
} from "./fence.ts";

export type { FenceAction } from "./devices.ts";
export type { FenceRecord } from "./fence.ts";

/** Fences that are remembered. */
export const MAX_FENCE_HISTORY = 100;
/** Fences that may be under way at once. */
export const MAX_FENCES = 256;
/** The longest pause between two readings. */
export const READ_AGAIN_MAX_MS = 1000;
/** Least time for a reading, also when the device's own time is over: a switch that hung may have worked. */
export const LAST_READ_MS = 2000;

export interface FencerConfig extends Plantable {
  readonly self: NodeId;
  readonly nodes: readonly { readonly id: NodeId; readonly name: string }[];
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Numbers for calls, unique on this node. */
  readonly nextCallId: () => number;
}

export type FencerInput =
  | Tick
  | ({ readonly type: "fence" } & FenceOrder)
  | { readonly type: "cib"; readonly cib: Element }
  /** Who can call a device now. */
  | { readonly type: "members"; readonly members: readonly NodeId[] }
  | { readonly type: "device-outcome"; readonly id: number; readonly outcome: DeviceOutcome }
  /** What the coordinator has fenced, so that the history outlives it. */
  | { readonly type: "fence-records"; readonly records: readonly FenceRecord[] }
  | { readonly type: "wall-clock"; readonly epochMs: number };

export type FencerEffect =
  | { readonly type: "device-call"; readonly node: NodeId; readonly call: DeviceCall }
  | { readonly type: "device-abort"; readonly node: NodeId; readonly id: number; readonly why: string }
  /** Answers everybody who asked: the power was read as wanted, or every device has failed. */
  | { readonly type: "fence-outcome"; readonly record: FenceRecord; readonly ok: boolean }
  /** Worth telling, without being an answer. */
  | {
      readonly type: "fence-note";
      readonly target: string;
      readonly text: string;
      readonly severity: "info" | "warning";
    };

/** Fences nodes on request of the coordinator on this node. */
export class Fencer implements Machine<FencerInput, FencerEffect> {
  private readonly config: FencerConfig;
  private readonly fences = new Map<string, Fence>();
  private readonly records: FenceRecord[] = [];
  private cib: Element | undefined;
  private members: readonly NodeId[] = [];
  private epochOffsetMs = 0;
  private effects: FencerEffect[] = [];

  constructor(config: FencerConfig) {
    this.config = config;
  }

  /** What was fenced by the coordinators of this node's time, oldest first; what is under way here stands last, as pending. */
  get history(): readonly FenceRecord[] {
    const pending = [...this.fences.values()].filter((fence) => !fence.confirmed);
    return [...this.records, ...pending.map((fence) => recordOf(fence, "pending", undefined))];
  }

  /** Victims whose fence is not confirmed yet, with the time since when. */
  get underWay(): readonly { readonly target: string; readonly sinceMs: number; readonly device: string }[] {
    return [...this.fences.values()].map((fence) => ({
      target: fence.target,
      sinceMs: fence.startedMs,
      device: taskOf(fence)?.device.id ?? "",
    }));
  }

  isFencing(target: string): boolean {
    const fence = this.fences.get(target);
    return fence !== undefined && !fence.confirmed;
  }

  deadlineMs(): number | undefined {
    let first: number | undefined;
    for (const fence of this.fences.values()) first = earliest(first, fence.wakeMs, fence.call?.deadlineMs);
    return first;
  }

  step(input: FencerInput, nowMs: number): FencerEffect[] {
    this.effects = [];
    switch (input.type) {
      case "tick":
        break;
      case "wall-clock":
        this.epochOffsetMs = input.epochMs - nowMs;
        break;
      case "cib":
        this.cib = input.cib;
        break;
      case "fence-records":
        this.learn(input.records);
        break;
      case "members":
        this.setMembers(input.members, nowMs);
        break;
      case "fence":
        this.begin(input, nowMs);
        break;
      case "device-outcome":
        this.outcome(input.id, input.outcome, nowMs);
        break;
    }
    this.wake(nowMs);
    return this.effects;
  }

  private begin(input: FencerInput & { type: "fence" }, nowMs: number): void {
    const running = this.fences.get(input.target);
    if (running !== undefined && !running.confirmed) {
      // Joined; off is the stronger wish, because what one wants to stay down may not come up for another.
      if (input.action === "off" && running.action === "reboot") running.action = "off";
      return;
    }
    if (running !== undefined) this.finish(running, "the next fence of this node was asked for", nowMs);
    const isUsable = (device: FenceDevice) =>
      canFence(device, input.target) && this.callerFor(device, input.target) !== undefined;
    const ways = this.cib === undefined ? [] : waysFor(this.cib, input.target, isUsable);
    const fence = newFence(input, ways, nowMs, Math.round(nowMs + this.epochOffsetMs));
    if (fence.ways.length === 0 || this.fences.size >= MAX_FENCES) {
      fence.lastFailure =
        fence.ways.length === 0
          ? `no fence device is configured for ${input.target} that can be used from the nodes that are here; add one, or list the node in its pcmk_host_list`
          : `${MAX_FENCES} fences are under way already`;
      this.fail(fence, nowMs);
      return;
    }
    this.fences.set(fence.target, fence);
    const first = taskOf(fence);
    const delayMs = input.delayMs + (first ? deviceDelayMs(first.device, fence.target, this.config.random) : 0);
    if (delayMs > 0) {
      fence.phase = "delay";
      fence.wakeMs = nowMs + delayMs;
    } else {
      this.startDevice(fence, nowMs);
    }
  }

  /** Who calls the device: this node if it may, else the first member that may; never the victim itself. */
  private callerFor(device: FenceDevice, target: string): NodeId | undefined {
    const may = (id: NodeId) => {
      const name = this.nameOf(id);
      return name !== target && !device.bannedFrom.includes(name);
    };
    if (this.members.includes(this.config.self) && may(this.config.self)) return this.config.self;
    return this.members.find(may);
  }

  private nameOf(id: NodeId): string {
    return this.config.nodes.find((node) => node.id === id)?.name ?? `${id}`;
  }

  private setMembers(members: readonly NodeId[], nowMs: number): void {
    this.members = [...members].sort((a, b) => a - b);
    for (const fence of [...this.fences.values()]) {
      if (fence.call === undefined || this.members.includes(fence.call.node)) continue;
      const lost = this.nameOf(fence.call.node);
      fence.call = undefined;
      this.attemptFailed(fence, `${lost}, which called the device, has left the cluster`, nowMs);
    }
  }

  /** Begins with the device that is next. */
  private startDevice(fence: Fence, nowMs: number): void {
    const device = taskOf(fence)?.device;
    if (device === undefined) return;
    fence.attempt = 0;
    fence.deviceDeadlineMs = nowMs + deviceTimeoutMs(device, fence.action, fence.timeoutMs);
    this.startAttempt(fence, nowMs);
  }

  private startAttempt(fence: Fence, nowMs: number): void {
    const device = taskOf(fence)?.device;
    if (device === undefined) return;
    fence.attempt += 1;
    const left = deviceAttempts(device, fence.action) - fence.attempt + 1;
    fence.attemptDeadlineMs = nowMs + Math.max(1, (fence.deviceDeadlineMs - nowMs) / Math.max(1, left));
    fence.pauseMs = READ_AGAIN_FIRST_MS;
    fence.phase = "switch";
    fence.refused = false;
    this.call(fence, device, "setPower", nowMs);
  }

  private call(fence: Fence, device: FenceDevice, verb: "power" | "setPower", nowMs: number): void {
    const node = this.callerFor(device, fence.target);
    if (node === undefined) {
      this.deviceFailed(fence, `no node that is here may use ${device.id} against ${fence.target}`, nowMs);
      return;
    }
    const until =
      verb === "setPower" ? fence.attemptDeadlineMs : Math.max(fence.attemptDeadlineMs, nowMs + LAST_READ_MS);
    const id = this.config.nextCallId();
    fence.call = { id, node, deadlineMs: until };
    fence.wakeMs = undefined;
    fence.by = this.nameOf(node);
    const call: DeviceCall = {
      id,
      device: { id: device.id, type: device.type, parameters: device.parameters },
      verb,
      ...(verb === "setPower" ? { want: fence.want } : {}),
      target: targetName(device, fence.target),
      timeoutMs: until - nowMs,
    };
    this.effects.push({ type: "device-call", node, call });
  }

  private outcome(id: number, outcome: DeviceOutcome, nowMs: number): void {
    for (const fence of this.fences.values()) {
      if (fence.call?.id !== id) continue;
      fence.call = undefined;
      if (fence.phase === "switch") this.switched(fence, outcome, nowMs);
      else if (fence.phase === "read") this.wasRead(fence, outcome, nowMs);
      return;
    }
  }

  private switched(fence: Fence, outcome: DeviceOutcome, nowMs: number): void {
    if (outcome.outcome === "error" || outcome.outcome === "timeout") fence.lastFailure = outcome.reason;
    fence.refused = outcome.outcome === "error";
    if (outcome.outcome === "done" && faultPlanted(this.config, "fence-done-on-request")) {
      this.deviceDone(fence, nowMs);
      return;
    }
    // Also after an error: the power may be off all the same, and only reading tells.
    this.read(fence, nowMs);
  }

  private read(fence: Fence, nowMs: number): void {
    const device = taskOf(fence)?.device;
    if (device === undefined) return;
    fence.phase = "read";
    this.call(fence, device, "power", nowMs);
  }

  private wasRead(fence: Fence, outcome: DeviceOutcome, nowMs: number): void {
    if (outcome.outcome === "power" && outcome.power === fence.want) {
      this.deviceDone(fence, nowMs);
      return;
    }
    if (outcome.outcome === "power") {
      if (fence.lastFailure === "" || (outcome.power !== "unknown" && !fence.refused))
        fence.lastFailure = `the power is still read as ${outcome.power}`;
    } else if (outcome.outcome !== "done") {
      fence.lastFailure = outcome.reason;
    }
    if (fence.refused || nowMs + fence.pauseMs >= fence.attemptDeadlineMs) {
      this.attemptFailed(fence, fence.lastFailure, nowMs);
      return;
    }
    fence.phase = "pause";
    fence.wakeMs = nowMs + fence.pauseMs;
    fence.pauseMs = Math.min(fence.pauseMs * 2, READ_AGAIN_MAX_MS);
  }

  /** The device was read as wanted: the next device of the way, or the way is done. */
  private deviceDone(fence: Fence, nowMs: number): void {
    const way = fence.ways[fence.way] ?? [];
    fence.task += 1;
    if (fence.task < way.length) {
      this.startDevice(fence, nowMs);
      return;
    }
    if (!fence.confirmed) this.confirm(fence, nowMs);
    const device = way[0]?.device;
    const reboot = device !== undefined && mappedAction(device, fence.action) === "reboot";
    if (fence.want === "off" && reboot) {
      fence.want = "on";
      fence.task = 0;
      this.startDevice(fence, nowMs);
      return;
    }
    this.fences.delete(fence.target);
  }

  private confirm(fence: Fence, nowMs: number): void {
    fence.confirmed = true;
    const record = recordOf(fence, "done", nowMs - fence.startedMs);
    this.remember(record);
    this.effects.push({ type: "fence-outcome", record, ok: true });
  }

  private attemptFailed(fence: Fence, reason: string, nowMs: number): void {
    fence.lastFailure = reason;
    const device = taskOf(fence)?.device;
    if (device === undefined) return;
    if (fence.attempt < deviceAttempts(device, fence.action) && nowMs < fence.deviceDeadlineMs) {
      // Not at once: a device that refuses immediately would be asked in a tight loop.
      fence.phase = "retry";
      fence.wakeMs = Math.min(nowMs + fence.pauseMs, fence.deviceDeadlineMs);
      return;
    }
    this.deviceFailed(fence, reason, nowMs);
  }

  private deviceFailed(fence: Fence, reason: string, nowMs: number): void {
    const device = taskOf(fence)?.device;
    fence.lastFailure = `${device?.id ?? "no device"}: ${reason === "" ? "it did not work" : reason}`;
    if (fence.want === "on" && fence.confirmed) {
      this.finish(fence, `it is off, but could not be switched on again (${fence.lastFailure})`, nowMs);
      return;
    }
    fence.way += 1;
    fence.task = 0;
    if (fence.way >= fence.ways.length) {
      fence.way = fence.ways.length - 1;
      this.fences.delete(fence.target);
      this.fail(fence, nowMs);
      return;
    }
    const next = taskOf(fence)?.device.id ?? "";
    this.note(fence, `${fence.lastFailure}; trying ${next} next`, "warning");
    this.startDevice(fence, nowMs);
  }

  private fail(fence: Fence, nowMs: number): void {
    const record = { ...recordOf(fence, "failed", nowMs - fence.startedMs), text: fence.lastFailure };
    this.remember(record);
    this.effects.push({ type: "fence-outcome", record, ok: false });
  }

  /** Ends what comes after the confirmation. */
  private finish(fence: Fence, why: string, nowMs: number): void {
    if (fence.call !== undefined && nowMs < fence.call.deadlineMs) {
      this.effects.push({ type: "device-abort", node: fence.call.node, id: fence.call.id, why });
    }
    this.note(fence, why, "warning");
    this.fences.delete(fence.target);
  }

  private note(fence: Fence, text: string, severity: "info" | "warning"): void {
    this.effects.push({ type: "fence-note", target: fence.target, text, severity });
  }

  private learn(records: readonly FenceRecord[]): void {
    const key = (record: FenceRecord): string => `${record.target} ${record.epochMs} ${record.state}`;
    const known = new Set(this.records.map(key));
    for (const record of records) if (!known.has(key(record))) this.remember(record);
    this.records.sort((a, b) => a.epochMs - b.epochMs);
  }

  private remember(record: FenceRecord): void {
    this.records.push(record);
    if (this.records.length > MAX_FENCE_HISTORY) this.records.shift();
  }

  private wake(nowMs: number): void {
    for (const fence of [...this.fences.values()]) {
      if (fence.call !== undefined && fence.call.deadlineMs <= nowMs) this.callIsLate(fence, nowMs);
      if (fence.wakeMs === undefined || fence.wakeMs > nowMs) continue;
      fence.wakeMs = undefined;
      if (fence.phase === "delay") this.startDevice(fence, nowMs);
      else if (fence.phase === "pause") this.read(fence, nowMs);
      else if (fence.phase === "retry") this.startAttempt(fence, nowMs);
    }
  }

  private callIsLate(fence: Fence, nowMs: number): void {
    const call = fence.call;
    if (call === undefined) return;
    fence.call = undefined;
    const why = `${taskOf(fence)?.device.id ?? "the device"} did not answer in time`;
    this.effects.push({ type: "device-abort", node: call.node, id: call.id, why });
    fence.lastFailure = "it did not answer in time";
    if (fence.phase === "switch") this.read(fence, nowMs);
    else this.attemptFailed(fence, fence.lastFailure, nowMs);
  }
}
