// What the controller knows of fencing: which life of a node each fence is meant for, which lives are over, and who waits for an answer.
//
// A fence ends the lives that were known when it was asked for. A node that is back by the time it was read as off is another life, of
// which nothing was said.

import type { Element } from "../../kernel/cib/element.ts";
import type { Incarnation, NodeId } from "../../kernel/membership/view.ts";
import type { Standing } from "../../kernel/messages.ts";
import type { FenceAction, FenceRecord } from "../fencer/fencer.ts";
import type { RequestOutcome } from "../messages.ts";
import { unfencedEdit } from "./cluster-actions.ts";
import { type ControllerConfig, type ControllerEffect, type Desk, nodeNamed } from "./effects.ts";
import type { Lives } from "./lives.ts";
import { downEdits, INCARNATION } from "./node-states.ts";

/** For a fence that a person asks for before there was any plan. */
export const DEFAULT_STONITH_TIMEOUT_MS = 60_000;
/** Requests for fencing that may wait for an answer. */
export const MAX_WAITING_REQUESTS = 256;

/** The coordinator's account of fences. */
export class Fences {
  /** How long a device may take, as the last plan said. */
  timeoutMs = DEFAULT_STONITH_TIMEOUT_MS;
  private readonly config: ControllerConfig;
  private readonly lives: Lives;
  private readonly emit: (effect: ControllerEffect) => void;
  /** The last life of a node that was read as off from here. */
  private readonly off = new Map<NodeId, Incarnation>();
  /** The life that a fence under way is meant for, by name. */
  private readonly targets = new Map<string, Incarnation>();
  private readonly waiting: { readonly target: string; readonly requestId: string; readonly from: NodeId }[] = [];

  constructor(config: ControllerConfig, lives: Lives, emit: (effect: ControllerEffect) => void) {
    this.config = config;
    this.lives = lives;
    this.emit = emit;
  }

  lastOff(id: NodeId): Incarnation | undefined {
    return this.off.get(id);
  }

  /** Remembers which life each fence that is asked for now is meant for. */
  noteTargets(effects: readonly ControllerEffect[], lastLifeOf: (id: NodeId) => Incarnation): void {
    for (const effect of effects) {
      if (effect.type !== "fence" || this.targets.has(effect.target)) continue;
      const node = nodeNamed(this.config, effect.target);
      if (node !== undefined) this.targets.set(effect.target, lastLifeOf(node.id));
    }
  }

  /** A fence has ended: what it means for the node, whatever the view is doing meanwhile, and the answers. */
  ended(record: FenceRecord, ok: boolean): void {
    const node = nodeNamed(this.config, record.target);
    const incarnation = this.targets.get(record.target) ?? 0;
    this.targets.delete(record.target);
    if (ok && node !== undefined && record.action !== "on") {
      this.lives.close(node.id, incarnation);
      this.off.set(node.id, Math.max(incarnation, this.off.get(node.id) ?? 0));
      this.emit({ type: "fenced", node: node.id, incarnation });
    }
    for (const waiting of this.waiting.filter((candidate) => candidate.target === record.target)) {
      this.waiting.splice(this.waiting.indexOf(waiting), 1);
      this.answer(waiting.from, waiting.requestId, fenceAnswer(record, ok));
    }
  }

  /** What stands in the status afterwards. */
  writeDown(record: FenceRecord, ok: boolean, desk: Desk): void {
    const { writer } = desk;
    const node = nodeNamed(this.config, record.target);
    if (ok && node !== undefined && record.action === "on") {
      const edit = unfencedEdit(desk, node);
      if (edit !== undefined) writer.write([edit]);
    } else if (ok && node !== undefined && desk.lifeOf(node.id) === undefined) {
      writer.write(downEdits(writer.working, node));
    }
    tellFence(record, ok, desk);
  }

  /** A person asks for a fence. */
  request(
    from: NodeId,
    requestId: string,
    request: { readonly node: string; readonly action: FenceAction; readonly who: string },
    desk: Desk,
  ): void {
    const { node: target, action, who } = request;
    if (this.refuseUnknown(from, requestId, target)) return;
    if (this.waiting.length >= MAX_WAITING_REQUESTS) {
      const reason = `${MAX_WAITING_REQUESTS} requests for fencing wait already. Ask again later.`;
      this.answer(from, requestId, { outcome: "refused", code: "busy", reason });
      return;
    }
    this.waiting.push({ target, requestId, from });
    const { timeoutMs } = this;
    desk.emit({ type: "fence", target, action, timeoutMs, delayMs: 0, why: `${who} asked for it` });
  }

  /** Somebody answers for it that the node is off: a fence that is done. What runs operations for this cluster now is not off. */
  confirm(
    from: NodeId,
    requestId: string,
    target: string,
    who: string,
    desk: Desk,
    lastLifeOf: (id: NodeId) => Incarnation,
  ): FenceRecord | undefined {
    if (this.refuseUnknown(from, requestId, target)) return undefined;
    const node = nodeNamed(this.config, target);
    if (node === undefined || desk.lifeOf(node.id) !== undefined) {
      const reason = `${target} is a member of the cluster now, so it is not off. To switch it off, ask for a fence.`;
      this.answer(from, requestId, { outcome: "refused", code: "node-is-up", reason });
      return undefined;
    }
    this.targets.set(target, lastLifeOf(node.id));
    this.answer(from, requestId, { outcome: "done", text: `${target} counts as off, on the word of ${who}.` });
    const epochMs = Math.round(desk.epochMs);
    const device = `the word of ${who}`;
    return { target, action: "off", state: "done", device, epochMs, durationMs: 0, text: "confirmed by hand" };
  }

  /** Another node is the coordinator: it does not know who asked here. */
  giveUpRequests(): void {
    for (const { requestId, from } of this.waiting.splice(0)) {
      const reason = "Another node has become the coordinator. Look at the fencing history, and ask again if needed.";
      this.answer(from, requestId, { outcome: "refused", code: "coordinator-changed", reason });
    }
  }

  private refuseUnknown(from: NodeId, requestId: string, target: string): boolean {
    if (this.config.nodes.some((node) => node.name === target)) return false;
    const names = this.config.nodes.map((node) => node.name).join(", ");
    const reason = `There is no node ${target} in this cluster. Use one of ${names}.`;
    this.answer(from, requestId, { outcome: "refused", code: "no-such-node", reason });
    return true;
  }

  private answer(to: NodeId, requestId: string, outcome: RequestOutcome): void {
    this.emit({ type: "request-answer", to, requestId, outcome });
  }
}

/** The latest life of a node that anything here speaks of. */
export function lastLife(standing: Standing | undefined, state: Element | undefined, id: NodeId): Incarnation {
  const sources = [standing?.view.members, standing?.missing, standing?.view.departures];
  const lives = sources.map((source) => source?.find((candidate) => candidate.id === id)?.incarnation ?? 0);
  return Math.max(...lives, Number(state?.attributes[INCARNATION] ?? 0));
}

function tellFence(record: FenceRecord, ok: boolean, desk: Desk): void {
  const tookMs = record.durationMs ?? 0;
  const is = record.action === "on" ? "is on" : "is off";
  const text = ok
    ? `${record.target} ${is}: ${record.device ?? "the device"} says so after ${Math.round(tookMs)} ms`
    : `fencing of ${record.target} failed (${record.text ?? "no reason given"}); what it may run is not started elsewhere until it is confirmed off. Repair the device, or switch ${record.target} off and confirm it with "systole fence confirm ${record.target}"`;
  desk.tell({
    kind: "fence",
    code: ok ? "fenced" : "fence-failed",
    text,
    severity: ok ? "info" : "error",
    node: record.target,
    durationMs: tookMs,
  });
}

function fenceAnswer(record: FenceRecord, ok: boolean): RequestOutcome {
  if (ok) {
    const state = record.action === "on" ? "on" : "off";
    return { outcome: "done", text: `${record.target} was read as ${state} by ${record.device ?? "its device"}.` };
  }
  const reason = `Fencing of ${record.target} failed: ${record.text ?? "no reason given"}.`;
  return { outcome: "refused", code: "fence-failed", reason };
}
