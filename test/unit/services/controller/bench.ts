// A controller by script: plans that the test writes, answers that it gives, and what came of them.

import assert from "node:assert/strict";
import { formatXml, parseXml } from "../../../../runtime/compat/xml.ts";
import { applyEdits } from "../../../../runtime/kernel/cib/edits.ts";
import type { Element } from "../../../../runtime/kernel/cib/element.ts";
import type { Departure } from "../../../../runtime/kernel/membership/view.ts";
import type { Standing } from "../../../../runtime/kernel/messages.ts";
import {
  Controller,
  type ControllerEffect,
  type ControllerInput,
} from "../../../../runtime/services/controller/controller.ts";
import type { Scheduler, WantedVoters } from "../../../../runtime/services/controller/effects.ts";
import type { Operation, OperationResult } from "../../../../runtime/services/messages.ts";
import type { ScheduleOptions } from "../../../../runtime/services/scheduler/schedule.ts";
import type { GraphAction, Synapse } from "../../../../runtime/services/transition.ts";

export const RUN_ID = "11111111-1111-1111-1111-111111111111";
export const CONFIGURATION = `<configuration><crm_config><cluster_property_set id="o"><nvpair id="o1" name="cluster-recheck-interval" value="15min"/></cluster_property_set></crm_config><nodes><node id="1" uname="n1"/><node id="2" uname="n2"/><node id="3" uname="n3"/></nodes><resources><group id="g"><primitive id="a"/><primitive id="b"/></group><primitive id="c"/></resources><constraints/></configuration>`;

export type Step = {
  readonly id: number;
  readonly after?: readonly number[];
  readonly priority?: number;
} & Partial<GraphAction>;

export function resource(id: number, operation: string, name: string, node: number, more: Partial<Step> = {}): Step {
  return {
    id,
    kind: "resource",
    operation,
    node: `n${node}`,
    nodeId: `${node}`,
    primitive: { id: name, class: "ocf", provider: "systole", type: "dummy" },
    ...more,
  };
}

export function fence(id: number, node: number, more: Partial<Step> = {}): Step {
  const attributes = { CRM_meta_stonith_action: "off" };
  return { id, kind: "cluster", operation: "stonith", node: `n${node}`, nodeId: `${node}`, attributes, ...more };
}

function synapse({ id, after = [], priority = 0, ...action }: Step): Synapse {
  const { operation = "", attributes = {}, kind = "pseudo", primitive } = action;
  const all: Record<string, string> = { CRM_meta_timeout: "20000", ...attributes };
  const operationKey = `${primitive?.id ?? "x"}_${operation}_${all["CRM_meta_interval"] ?? 0}`;
  return { id, priority, inputs: after, action: { operationKey, ...action, id, kind, operation, attributes: all } };
}

export class Bench {
  nowMs = 1000;
  cib: Element;
  /** Plans in the order in which they are asked for; afterwards there is nothing to do. */
  readonly plans: (readonly Step[])[] = [];
  planned = 0;
  planOptions: ScheduleOptions | undefined;
  changes = 0;
  planTookMs = 0;
  batchLimit = 0;
  recheckAtEpochSeconds: number | undefined;
  readonly effects: ControllerEffect[] = [];
  readonly controller: Controller;
  holdCommits = false;
  /** Members that do not answer the roll call, and what the others say in it. */
  readonly silent = new Set<number>();
  readonly busy = new Map<number, readonly Operation[]>();
  private viewNumber = 0;
  private callId = 0;

  constructor(voters?: WantedVoters) {
    this.cib = parseXml(`<cib>${CONFIGURATION}<status/></cib>`);
    const schedule: Scheduler = (_cib, options) => {
      this.planned += 1;
      this.planOptions = options;
      const steps = this.plans.shift() ?? [];
      const graph = {
        clusterDelayMs: 60_000,
        stonithTimeoutMs: 60_000,
        batchLimit: this.batchLimit,
        attributes: {},
        synapses: steps.map(synapse),
        ...(this.recheckAtEpochSeconds === undefined ? {} : { recheckAtEpochSeconds: this.recheckAtEpochSeconds }),
      };
      const { planTookMs: tookMs } = this;
      return { graph, placements: [], summary: [], assignment: [], problems: [], quorate: true, tookMs };
    };
    const nodes = [1, 2, 3].map((id) => ({ id, name: `n${id}` }));
    const shared = { md5Hex: () => "0", digest: () => "0", runId: RUN_ID, timeZoneOffsetMinutes: 0 };
    const wanted = voters === undefined ? {} : { voters };
    this.controller = new Controller({ self: 1, nodes, ...wanted, schedule, ...shared }, this.cib);
    this.give({ type: "wall-clock", epochMs: 1_700_000_000_000 });
  }

  give(input: ControllerInput): void {
    for (const effect of this.controller.step(input, this.nowMs)) {
      this.effects.push(effect);
      if (effect.type === "change" && !this.holdCommits) this.commit(effect);
    }
  }

  private commit(effect: ControllerEffect & { type: "change" }): void {
    const edited = applyEdits(this.cib, effect.request.edits);
    assert(edited.ok);
    this.cib = edited.cib;
    this.give({ type: "cib", cib: this.cib });
    const version = { adminEpoch: 0, epoch: 0, numUpdates: 1 };
    this.give({ type: "answer", requestId: effect.request.id, outcome: { outcome: "done", version } });
  }

  view(ids: readonly number[], more: Partial<Standing> & { departures?: readonly Departure[] } = {}): void {
    this.viewNumber += 1;
    const { departures = [], ...rest } = more;
    const members = ids.map((id) => ({ id, incarnation: 1, featureLevel: 1, primaryNumber: 1, seniority: 1 }));
    const standing: Standing = {
      view: { id: { number: this.viewNumber, proposer: 1 }, members, departures },
      coordinator: 1,
      quorate: true,
      primary: true,
      established: true,
      primaryNumber: 1,
      votes: ids.length,
      expectedVotes: 3,
      reason: "",
      missing: [],
      ...rest,
    };
    this.give({ type: "standing", standing });
    for (const id of ids) if (!this.silent.has(id)) this.underWay(id, ...(this.busy.get(id) ?? []));
  }

  /** A member's answer to the roll call. */
  underWay(node: number, ...operations: readonly Operation[]): void {
    const { viewNumber } = this;
    this.give({ type: "operations-under-way", node, viewNumber, operations });
  }

  configurationChanges(): void {
    this.changes += 1;
    const edited = applyEdits(this.cib, [
      { edit: "set", path: [{ name: "configuration" }, { name: "tags" }], attributes: { x: `${this.changes}` } },
    ]);
    assert(edited.ok);
    this.cib = edited.cib;
    this.give({ type: "cib", cib: this.cib });
    if ((this.controller.deadlineMs() ?? Number.POSITIVE_INFINITY) <= this.nowMs) this.give({ type: "tick" });
  }

  /** Operations given to nodes, as "n2 start a". */
  get operations(): string[] {
    return this.sent.map(({ to, operation }) => `n${to} ${operation.action} ${operation.resource.id}`);
  }

  get sent(): { to: number; operation: Operation }[] {
    return this.effects.flatMap((effect) =>
      effect.type === "send" && effect.message.type === "operation"
        ? [{ to: effect.to, operation: effect.message.operation }]
        : [],
    );
  }

  get fences(): string[] {
    return this.effects.flatMap((effect) => (effect.type === "fence" ? [effect.target] : []));
  }

  get events(): string[] {
    return this.effects.flatMap((effect) => (effect.type === "event" ? [effect.event.text] : []));
  }

  result(at: number, rc = 0, more: Partial<OperationResult> = {}): void {
    const { to, operation } = this.sent.at(at) ?? assert.fail(`no operation ${at}`);
    this.callId += 1;
    const times = { startedEpochMs: 1_700_000_000_000, execTimeMs: 5, queueTimeMs: 0 };
    const ended = { callId: this.callId, rc, status: "done", reason: "" } as const;
    const result: OperationResult = { operation, node: to, incarnation: 1, ...ended, ...times, ...more };
    this.give({ type: "operation-result", result });
  }

  fenced(target: string, ok = true): void {
    const record = { target, action: "off", state: ok ? "done" : "failed", epochMs: 0, durationMs: 1 } as const;
    this.give({ type: "fence-outcome", record, ok });
  }

  get xml(): string {
    return formatXml(this.cib);
  }
}

export function started(...plans: readonly (readonly Step[])[]): Bench {
  const bench = new Bench();
  bench.plans.push(...plans);
  bench.view([1, 2, 3]);
  return bench;
}
