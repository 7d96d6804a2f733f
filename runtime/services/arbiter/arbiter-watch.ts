// Looks after the arbiter: whether it can be asked from this node, and, on the coordinator of a primary view, whether it is to have a vote.
//
// Whether the arbiter has a vote is a committed entry of the log, with the name of its register, so that both halves of a cut cluster agree
// on it. The vote comes and goes as one step, taken by a majority of the nodes themselves: it comes when the list of the other
// votes is as it should be and can be halved, after the register has been set up afresh; it goes before that list changes, when no
// arbiter is configured any more, and when the register has lost what it knew or would refuse everybody.

import type { Element } from "../../kernel/cib/element.ts";
import { versionOf } from "../../kernel/cib/version.ts";
import type { Machine, Tick } from "../../kernel/machine.ts";
import type { NodeId } from "../../kernel/membership/view.ts";
import type { ArbiterCall, ArbiterOutcome, ChangeOutcome, ChangeRequest, Standing } from "../../kernel/messages.ts";
import { formatLineage, type Lineage, parseLineage } from "../../kernel/quorum/lineage.ts";
import type { WantedVoters } from "../controller/effects.ts";
import { arbiterEdit, committedArbiter, committedVoters, votesBetween } from "../controller/voters.ts";
import type { UntimedEvent } from "../node-events.ts";

/** How often the register is looked at, when all is well and when something is not. */
const LOOK_MS = 30_000;
const LOOK_SOON_MS = 5_000;
/** After a new view, or a new configuration: others look too. */
const SETTLE_MS = 500;
const CALL_TIMEOUT_MS = 5_000;
const PREFIX = "watch.";

export interface ArbiterWatchConfig {
  readonly self: NodeId;
  readonly nodes: readonly { readonly id: NodeId; readonly name: string }[];
  readonly runId: string;
  readonly wanted: WantedVoters | undefined;
}

/** What this node knows of the arbiter. */
export interface ArbiterStatus {
  /** It has a vote. */
  readonly votes: boolean;
  /** Whether its last answer was one; undefined: it was not asked from here yet, or this node's configuration does not name it. */
  readonly reachable?: boolean;
  /** The half that was last given the vote, by node id, and its primary view; absent when none was. */
  readonly given?: { readonly members: readonly NodeId[]; readonly primaryNumber: number };
  /** In words. */
  readonly text: string;
}

export type ArbiterWatchInput =
  | Tick
  | { readonly type: "standing"; readonly standing: Standing }
  | { readonly type: "cib"; readonly cib: Element }
  | { readonly type: "arbiter-outcome"; readonly id: string; readonly outcome: ArbiterOutcome }
  | { readonly type: "answer"; readonly requestId: string; readonly outcome: ChangeOutcome };

export type ArbiterWatchEffect =
  | { readonly type: "arbiter-call"; readonly id: string; readonly call: ArbiterCall; readonly timeoutMs: number }
  | { readonly type: "change"; readonly request: ChangeRequest }
  | { readonly type: "event"; readonly event: UntimedEvent };

/** What is under way. */
type Open =
  | { readonly open: "look"; readonly id: string }
  | { readonly open: "set-up" | "prove"; readonly id: string; readonly setUp: SetUp }
  | { readonly open: "write"; readonly id: string; readonly tell: UntimedEvent };

/** A register that is being set up. */
interface SetUp {
  readonly register: string;
  /** What is written, and what was there before. */
  readonly replacement: Extract<ArbiterCall, { verb: "replace" }>;
}

/** The machine. It does nothing where no votes are configured, as in a cluster that is not one of nodes of this release. */
export class ArbiterWatch implements Machine<ArbiterWatchInput, ArbiterWatchEffect> {
  private readonly config: ArbiterWatchConfig;
  private cib: Element;
  private standing: Standing | undefined;
  private open: Open | undefined;
  private nextMs: number | undefined;
  private count = 0;
  private reachable: { readonly yes: boolean; readonly text: string } | undefined;
  private held: Lineage | undefined;
  private told = "";
  private effects: ArbiterWatchEffect[] = [];

  constructor(config: ArbiterWatchConfig, cib: Element) {
    this.config = config;
    this.cib = cib;
  }

  owns(callId: string): boolean {
    return callId.startsWith(PREFIX);
  }

  get status(): ArbiterStatus | undefined {
    const register = committedArbiter(this.cib);
    const isNamed = this.config.wanted?.arbiter !== undefined;
    if (register === undefined && !isNamed) return undefined;
    const votes = register !== undefined;
    const { reachable, held } = this;
    const isOurs = votes && held?.register === register && held.claim !== SET_UP;
    const words = [
      votes ? "the arbiter has a vote" : "the arbiter has no vote now",
      isNamed ? (reachable?.text ?? "it was not asked from here yet") : "this node's configuration does not name it",
    ];
    return {
      votes,
      ...(reachable === undefined ? {} : { reachable: reachable.yes }),
      ...(isOurs ? { given: { members: held.members, primaryNumber: held.number } } : {}),
      text: words.join("; "),
    };
  }

  deadlineMs(): number | undefined {
    return this.open === undefined ? this.nextMs : undefined;
  }

  step(input: ArbiterWatchInput, nowMs: number): ArbiterWatchEffect[] {
    this.effects = [];
    switch (input.type) {
      case "tick":
        if (this.open === undefined && this.nextMs !== undefined && this.nextMs <= nowMs) this.look(nowMs);
        break;
      case "standing":
        this.setStanding(input.standing, nowMs);
        break;
      case "cib":
        this.setCib(input.cib, nowMs);
        break;
      case "arbiter-outcome":
        this.outcome(input.id, input.outcome, nowMs);
        break;
      case "answer":
        this.answered(input.requestId, input.outcome, nowMs);
        break;
    }
    return this.effects;
  }

  private setStanding(standing: Standing, nowMs: number): void {
    this.standing = standing;
    if (standing.established) this.soon(SETTLE_MS, nowMs);
  }

  private setCib(cib: Element, nowMs: number): void {
    const before = this.cib;
    this.cib = cib;
    const same = committedArbiter(before) === committedArbiter(cib) && committedVoters(before) === committedVoters(cib);
    if (!same) this.soon(SETTLE_MS, nowMs);
  }

  private soon(delayMs: number, nowMs: number): void {
    if (this.config.wanted === undefined) return;
    this.nextMs = Math.min(this.nextMs ?? Number.POSITIVE_INFINITY, nowMs + delayMs);
  }

  private look(nowMs: number): void {
    this.nextMs = nowMs + LOOK_MS;
    if (this.config.wanted?.arbiter === undefined) {
      this.nextMs = undefined;
      this.takeVote("the configuration of this node, which coordinates, names no arbiter");
      return;
    }
    this.open = { open: "look", id: this.call({ verb: "read" }) };
  }

  private call(call: ArbiterCall): string {
    this.count += 1;
    const id = `${PREFIX}${this.count}`;
    this.effects.push({ type: "arbiter-call", id, call, timeoutMs: CALL_TIMEOUT_MS });
    return id;
  }

  private outcome(id: string, outcome: ArbiterOutcome, nowMs: number): void {
    const { open } = this;
    if (open?.id !== id || open.open === "write") return;
    this.open = undefined;
    if (outcome.outcome === "error" || outcome.outcome === "timeout") {
      this.setReachable(false, outcome.reason);
      this.nextMs = nowMs + LOOK_SOON_MS;
    } else if (open.open === "set-up") {
      if (outcome.outcome === "replaced") this.prove(open.setUp);
      else this.nextMs = nowMs + LOOK_SOON_MS;
    } else if (open.open === "prove") {
      if (outcome.outcome === "conflict") this.giveVote(open.setUp.register);
      else this.tellUnfit(nowMs);
    } else if (outcome.outcome === "read" || outcome.outcome === "absent") {
      this.setReachable(true, "");
      this.judge(outcome.outcome === "read" ? outcome : undefined, nowMs);
    }
  }

  private setReachable(yes: boolean, reason: string): void {
    const before = this.reachable;
    this.reachable = { yes, text: yes ? "it can be asked from here" : `it cannot be asked from here: ${reason}` };
    if (before?.yes === yes || (before === undefined && yes)) return;
    const text = yes
      ? "The arbiter can be asked from this node again."
      : `The arbiter cannot be asked from this node: ${reason} As long as that lasts, this node cannot go on in a half of the cluster. Look at the arbiter and at the way to it.`;
    this.tell(yes ? "arbiter-reachable" : "arbiter-unreachable", text, yes ? "info" : "warning");
  }

  // --- the coordinator: whether the arbiter has a vote ------------------------------------------------------------------------

  /** On the coordinator of a primary view that has a majority by its nodes alone. */
  private get mayDecide(): boolean {
    const { standing, cib } = this;
    const { self, wanted } = this.config;
    if (standing?.established !== true || !standing.primary || standing.coordinator !== self) return false;
    const votes = committedVoters(cib);
    if (votes === undefined) return false;
    const ours = standing.view.members.reduce((sum, { id }) => sum + (votes.get(id) ?? 0), 0);
    return ours * 2 > Math.max(sumOf(votes), wanted?.expectedVotes(cib) ?? 0);
  }

  /** Why the votes of the nodes are not such that an arbiter's is of use; undefined when they are. */
  private get hindrance(): string | undefined {
    const { wanted } = this.config;
    const votes = committedVoters(this.cib);
    if (wanted === undefined || votes === undefined || votesBetween(votes, wanted.votes) > 0)
      return "the votes of the nodes are about to change";
    const all = Math.max(sumOf(votes), wanted.expectedVotes(this.cib) ?? 0);
    return all % 2 === 0 ? undefined : `of ${all} votes there are no halves, so the nodes decide among themselves`;
  }

  private judge(read: { readonly text: string; readonly tag: string } | undefined, nowMs: number): void {
    this.held = read === undefined ? undefined : parseLineage(read.text);
    if (!this.mayDecide) return;
    const register = committedArbiter(this.cib);
    const { hindrance } = this;
    if (register !== undefined) {
      if (hindrance !== undefined) this.takeVote(hindrance);
      else if (this.held?.register !== register) this.takeVote("its register has lost what it knew, or is another one");
      else if (this.held.number > (this.standing?.primaryNumber ?? 0))
        this.takeVote(
          "its register is ahead of the cluster: a vote was given in vain, or this cluster comes from a backup",
        );
    } else if (hindrance === undefined) this.setUp(read, nowMs);
    else if (this.told !== hindrance) {
      this.told = hindrance;
      this.tell("arbiter-idle", `The arbiter that is configured has no vote: ${hindrance}.`, "info");
    }
  }

  private setUp(read: { readonly text: string; readonly tag: string } | undefined, nowMs: number): void {
    const { runId, wanted } = this.config;
    const { standing } = this;
    if (wanted?.arbiter === undefined || standing === undefined) return;
    const { cluster } = wanted.arbiter;
    if (read !== undefined && this.held?.cluster !== cluster) {
      this.nextMs = nowMs + LOOK_MS;
      const whose = this.held === undefined ? "something else" : `the cluster ${this.held.cluster}`;
      const text = `The arbiter's register belongs to ${whose}, so it is left alone and the arbiter gets no vote. Give this cluster a register of its own.`;
      if (this.told === text) return;
      this.told = text;
      this.tell("arbiter-foreign", text, "error");
      return;
    }
    this.count += 1;
    const register = `${cluster}-${standing.primaryNumber}-${runId.slice(0, 8)}-${this.count}`;
    const members = standing.view.members.map(({ id }) => id);
    const { primaryNumber } = standing;
    const text = formatLineage({
      cluster,
      register,
      number: primaryNumber,
      members,
      base: primaryNumber,
      claim: SET_UP,
    });
    const expected = read === undefined ? {} : { expectedTag: read.tag };
    const setUp = { register, replacement: { verb: "replace", ...expected, text } } as const;
    this.open = { open: "set-up", id: this.call(setUp.replacement), setUp };
  }

  /** What was there before has gone, so the same again must be refused: there are servers that do not look at what is expected. */
  private prove(setUp: SetUp): void {
    this.open = { open: "prove", id: this.call(setUp.replacement), setUp };
  }

  private tellUnfit(nowMs: number): void {
    this.nextMs = nowMs + LOOK_MS;
    const text =
      'The arbiter\'s register replaces what is there whatever was expected to be there, so both halves of a cut cluster could think that they have its vote. It gets none. Use a server that obeys If-Match and If-None-Match for PUT, such as "systole arbiter".';
    if (this.told === text) return;
    this.told = text;
    this.tell("arbiter-unfit", text, "error");
  }

  private giveVote(register: string): void {
    // Meanwhile much may have changed.
    if (!this.mayDecide || this.hindrance !== undefined || committedArbiter(this.cib) !== undefined) return;
    const text =
      "the arbiter has a vote from now on: with it half of the nodes can go on when the other half is cut off";
    this.write(register, "give the arbiter a vote", event("arbiter-votes", text, "info"));
  }

  private takeVote(why: string): void {
    if (!this.mayDecide || committedArbiter(this.cib) === undefined) return;
    const text = `the arbiter has no vote from now on, because ${why}: a half of the nodes waits when the other half is cut off`;
    this.write(undefined, "take the arbiter's vote", event("arbiter-votes-no-more", text, "warning"));
  }

  private write(register: string | undefined, why: string, tell: UntimedEvent): void {
    const edit = arbiterEdit(this.cib, register);
    if (edit === undefined) return;
    this.count += 1;
    const { runId, self, nodes } = this.config;
    const id = `${runId}:arbiter:${this.count}`;
    const who = `coordinator ${nodes.find((node) => node.id === self)?.name ?? `node ${self}`}`;
    this.open = { open: "write", id, tell };
    this.effects.push({ type: "change", request: { id, edits: [edit], base: versionOf(this.cib), who, why } });
  }

  private answered(requestId: string, outcome: ChangeOutcome, nowMs: number): void {
    const { open } = this;
    if (open?.open !== "write" || open.id !== requestId) return;
    this.open = undefined;
    if (outcome.outcome === "done") this.effects.push({ type: "event", event: open.tell });
    this.soon(LOOK_SOON_MS, nowMs);
  }

  private tell(code: string, text: string, severity: UntimedEvent["severity"]): void {
    this.effects.push({ type: "event", event: event(code, text, severity) });
  }
}

/** Who has written a register that was set up and has not given its vote yet. */
const SET_UP = "set-up";

function event(code: string, text: string, severity: UntimedEvent["severity"]): UntimedEvent {
  return { kind: "standing", code, text, severity };
}

function sumOf(votes: ReadonlyMap<NodeId, number>): number {
  return [...votes.values()].reduce((sum, count) => sum + count, 0);
}
