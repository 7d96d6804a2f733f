// May this view act? Votes are counted here and nowhere else, from the configuration, the agreed view and what its members
// said in their `state` messages. A plain function: equal arguments give an equal answer on each member.
//
// Two questions, and the second is the harder one. Quorate: does this view hold enough votes that no other view can hold as
// many? Primary: quorate, and nothing of the previous primary view can still be acting on its own: each member of it that
// is missing here left cleanly, was read "off" by a fence device, or is outvoted by a strict majority of all the votes that
// are configured. So any two primary views share a member or are separated by a fence, and no acknowledged change is lost.
//
// With an arbiter exactly half of the votes are a quorum when the arbiter has given its vote to this view (lineage.ts), and then only: a
// fence alone is no longer enough for one of two nodes, since what the fenced one had acknowledged with the arbiter would be lost.

import type { Incarnation, NodeId, View } from "../membership/view.ts";
import { faultPlanted, type Plantable } from "../planted-fault.ts";

/** The command that lets a cluster start without a majority of intact stores. */
export const START_OVERRIDE_COMMAND = "systole cib recover --accept-loss";

/** A configured node and its votes (0: a member that never decides). */
export interface QuorumNode {
  readonly id: NodeId;
  readonly name: string;
  readonly votes: number;
}

/** How votes are counted: the quorum section of the configuration, in votequorum's terms. */
export interface QuorumConfig extends Plantable {
  readonly nodes: readonly QuorumNode[];
  /** Votes of the whole cluster; the sum over `nodes` when absent. A changed value is a committed entry of the log. */
  readonly expectedVotes?: number;
  /** Two nodes of one vote each: one vote is a quorum, and the survivor waits for the fence. */
  readonly twoNode: boolean;
  /** After a start of the whole cluster nothing is quorate until all nodes have been seen together once. Wanted with `twoNode`. */
  readonly waitForAll: boolean;
  /** Of two equal halves, the one with the lowest configured id is quorate. */
  readonly autoTieBreaker: boolean;
  /** Fencing is enabled and has a device: a missing member can be confirmed off. */
  readonly fencing: boolean;
  /** The operator has accepted that acknowledged changes may be lost. Status shows it. */
  readonly acceptLoss: boolean;
  /** The register of the arbiter that has a vote, by a committed entry of the log; absent: none has. */
  readonly arbiter?: string;
}

/** What the coordinator has heard from the arbiter, for every member to judge by. */
export interface ArbiterWord {
  /** The register that was asked. */
  readonly register: string;
  /** The primary view of this number has the vote; 0: it was not given, or not yet. */
  readonly number: number;
  /** In words. */
  readonly text: string;
}

/** What one member of the view said of itself in its `state` message. */
export interface MemberState {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  /** The last primary view it has persisted to be a member of (0: none), and who else was. */
  readonly promisedPrimary: number;
  readonly promisedMembers: readonly { readonly id: NodeId; readonly incarnation: Incarnation }[];
  /** False: its store is lost or damaged; it counts no vote until it has caught up from a primary view. */
  readonly intact: boolean;
  /** Lives whose power-off it has seen confirmed since the last primary view. */
  readonly fenced: readonly { readonly id: NodeId; readonly incarnation: Incarnation }[];
  /** The operator has given START_OVERRIDE_COMMAND on this node. */
  readonly startOverride?: boolean;
}

/** How a member of the previous primary view that is missing now is accounted for; only `unaccounted` stands in the way. */
export type MissingAccount = "left" | "fenced" | "outvoted" | "loss-accepted" | "unaccounted";

/** A member of the previous primary view that is not in this view. */
export interface MissingMember {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly account: MissingAccount;
}

/** The judgement on a view. */
export interface QuorumVerdict {
  readonly quorate: boolean;
  readonly primary: boolean;
  /** Votes of the members whose store is intact. */
  readonly votes: number;
  readonly expectedVotes: number;
  /** How many votes are a quorum now. */
  readonly quorumVotes: number;
  /** Whether the vote of the arbiter decides here, and whether it was given. */
  readonly arbiter: "none" | "wanted" | "granted";
  /** Cause, effect and next step, for people. */
  readonly reason: string;
  /** Sorted by id. */
  readonly missing: readonly MissingMember[];
}

/** All votes the configuration gives, and what is expected: never less than a strict majority is judged against. */
export function configuredVotes(config: QuorumConfig): number {
  let sum = 0;
  for (const node of config.nodes) sum += node.votes;
  return Math.max(sum, config.expectedVotes ?? 0);
}

/**
 * Judges a view. `states` holds what its members said; a member that has said nothing yet counts no vote, so call this when
 * all have spoken. `word` is what the arbiter has said to this view, if it was asked. Deterministic: equal on each member that was given
 * equal arguments.
 */
export function judgeQuorum(
  config: QuorumConfig,
  view: View,
  states: readonly MemberState[],
  word?: ArbiterWord,
): QuorumVerdict {
  const count = countVotes(config, view, states);
  const unstarted = startObstacle(config, view, states, count);
  const arbiter = unstarted === undefined ? arbiterDecides(config, count, word) : "none";
  const outvoted = arbiter === "granted" || count.votes * 2 > configuredVotes(config);
  const missing = accountForMissing(config, view, states, outvoted);
  const lacking =
    arbiter === "none" ? voteObstacle(config, view, count) : arbiterObstacle(config, arbiter, count, word);
  const obstacle = unstarted ?? lacking;
  const blocking = missing.filter((member) => member.account === "unaccounted");
  const quorate = obstacle === undefined;
  const primary = quorate && blocking.length === 0;
  return {
    quorate,
    primary,
    votes: count.votes,
    expectedVotes: count.expectedVotes,
    quorumVotes: count.quorumVotes,
    arbiter,
    reason: obstacle ?? (primary ? primaryReason(config, count, missing, arbiter) : blockedReason(config, blocking)),
    missing,
  };
}

interface VoteCount {
  readonly votes: number;
  readonly expectedVotes: number;
  readonly quorumVotes: number;
  /** Members whose store counts no vote. */
  readonly damaged: readonly NodeId[];
}

function countVotes(config: QuorumConfig, view: View, states: readonly MemberState[]): VoteCount {
  let votes = 0;
  const damaged: NodeId[] = [];
  const override = isOverridden(view, states);
  for (const member of view.members) {
    const state = states.find((said) => said.id === member.id && said.incarnation === member.incarnation);
    const counts = state?.intact === true || override || faultPlanted(config, "damaged-store-votes");
    if (state !== undefined && counts) votes += votesOf(config, member.id);
    else if (state !== undefined) damaged.push(member.id);
  }
  const living = faultPlanted(config, "quorum-of-the-living");
  const expectedVotes = living ? view.members.length : (config.expectedVotes ?? configuredVotes(config));
  const twoNode = config.twoNode && expectedVotes === 2 && config.arbiter === undefined;
  const majority = Math.floor(expectedVotes / 2) + (faultPlanted(config, "quorum-off-by-one") ? 0 : 1);
  return { votes, expectedVotes, quorumVotes: twoNode ? 1 : majority, damaged };
}

function votesOf(config: QuorumConfig, id: NodeId): number {
  return config.nodes.find((node) => node.id === id)?.votes ?? 0;
}

/** Some member's present life is in the chain of primary views: the cluster is running, this is not its start. */
function hasRunningMember(view: View): boolean {
  return view.members.some((member) => member.seniority > 0 && member.primaryNumber > 0);
}

/** The operator has said that the cluster shall start with what is there. Says nothing while it runs. */
function isOverridden(view: View, states: readonly MemberState[]): boolean {
  return !hasRunningMember(view) && states.some((state) => state.startOverride === true);
}

/** What forbids the start of a whole cluster; undefined when nothing does or the cluster is running already. */
function startObstacle(
  config: QuorumConfig,
  view: View,
  states: readonly MemberState[],
  count: VoteCount,
): string | undefined {
  if (hasRunningMember(view) || isOverridden(view, states)) return undefined;
  const present = new Set(view.members.map((member) => member.id));
  const absent = config.nodes.filter((node) => !present.has(node.id));
  if (config.waitForAll && absent.length > 0 && !faultPlanted(config, "wait-for-all-ignored")) {
    return (
      `wait_for_all: after a start the cluster waits until all nodes have been seen together once; ` +
      `not seen yet: ${names(config, absent)}. Start them, or run "${START_OVERRIDE_COMMAND}" here if they are known to be off.`
    );
  }
  const all = configuredVotes(config);
  if (count.damaged.length > 0 && count.votes * 2 <= all) {
    return (
      `The stores of ${names(config, idsOf(count.damaged))} are new, lost or damaged, so only ${count.votes} of ${all} votes have a store that ` +
      `can be trusted: acknowledged changes could be missing, and nothing is started. Bring back the other nodes, or run ` +
      `"${START_OVERRIDE_COMMAND}" to go on with what is there.`
    );
  }
  return undefined;
}

/** What is missing to a quorum; undefined when the view has one. */
function voteObstacle(config: QuorumConfig, view: View, count: VoteCount): string | undefined {
  if (count.votes >= count.quorumVotes && count.votes > 0) return undefined;
  const tieBreaker = config.autoTieBreaker && config.arbiter === undefined;
  if (tieBreaker && count.votes * 2 === count.expectedVotes && holdsTieBreaker(config, view)) return undefined;
  const damaged =
    count.damaged.length > 0 ? ` (${names(config, idsOf(count.damaged))} count no vote until caught up)` : "";
  return (
    `No quorum: ${count.votes} of ${count.expectedVotes} expected votes are here${damaged} and ${count.quorumVotes} are needed. ` +
    `no-quorum-policy decides what keeps running; bring back the nodes that are away.`
  );
}

/** Exactly half of the votes are here, however they are counted: then it is the arbiter that decides. */
function arbiterDecides(
  config: QuorumConfig,
  count: VoteCount,
  word: ArbiterWord | undefined,
): QuorumVerdict["arbiter"] {
  const all = configuredVotes(config);
  if (config.arbiter === undefined || count.votes === 0 || count.votes * 2 !== all) return "none";
  if (count.expectedVotes !== all) return "none";
  return word !== undefined && word.register === config.arbiter && word.number > 0 ? "granted" : "wanted";
}

function arbiterObstacle(
  config: QuorumConfig,
  arbiter: QuorumVerdict["arbiter"],
  count: VoteCount,
  word: ArbiterWord | undefined,
): string | undefined {
  if (arbiter === "granted") return undefined;
  const asked = word?.text ?? "It has not been asked yet.";
  const text = asked.replace(/\bnode (\d+)\b/g, (_, id) => nameOf(config, Number(id)));
  return `No quorum: exactly half, ${count.votes} of ${count.expectedVotes} expected votes, is here, and the arbiter has not given its vote. ${text}`;
}

function holdsTieBreaker(config: QuorumConfig, view: View): boolean {
  let lowest: NodeId | undefined;
  for (const node of config.nodes) {
    if (node.votes > 0 && (lowest === undefined || node.id < lowest)) lowest = node.id;
  }
  return view.members.some((member) => member.id === lowest);
}

/**
 * The members of the previous primary view that are not here. The previous one is the newest that any member has promised;
 * whether it was ever established is unknown, so it counts. A node that is here in a later life is not missing: its earlier
 * life has ended, and probes show what that left behind.
 */
function accountForMissing(
  config: QuorumConfig,
  view: View,
  states: readonly MemberState[],
  outvoted: boolean,
): MissingMember[] {
  let newest = 0;
  for (const state of states) newest = Math.max(newest, state.promisedPrimary);
  const present = new Set(view.members.map((member) => member.id));
  const previous = new Map<NodeId, Incarnation>();
  for (const state of states) {
    if (state.promisedPrimary !== newest || newest === 0) continue;
    for (const { id, incarnation } of state.promisedMembers) {
      if (!present.has(id)) previous.set(id, Math.max(incarnation, previous.get(id) ?? 0));
    }
  }
  const missing: MissingMember[] = [];
  for (const [id, incarnation] of [...previous].sort(([a], [b]) => a - b)) {
    missing.push({ id, incarnation, account: accountFor(config, view, states, id, incarnation, outvoted) });
  }
  return missing;
}

function accountFor(
  config: QuorumConfig,
  view: View,
  states: readonly MemberState[],
  id: NodeId,
  incarnation: Incarnation,
  outvoted: boolean,
): MissingAccount {
  const sameOrLater = (life: { id: NodeId; incarnation: Incarnation }) =>
    life.id === id && life.incarnation >= incarnation;
  // A life that leaves speaks for itself alone; a later one may never have looked for what this one ran.
  const isLeave = (departure: View["departures"][number]) =>
    departure.cause === "left" && departure.id === id && departure.incarnation === incarnation;
  if (view.departures.some(isLeave)) return "left";
  if (states.some((state) => state.fenced.some(sameOrLater))) return "fenced";
  if (outvoted || faultPlanted(config, "survivor-does-not-wait")) return "outvoted";
  // Without a fence device nothing will ever confirm: who accepted losses has accepted this one.
  if (config.acceptLoss && !config.fencing) return "loss-accepted";
  return "unaccounted";
}

function primaryReason(
  config: QuorumConfig,
  count: VoteCount,
  missing: readonly MissingMember[],
  arbiter: QuorumVerdict["arbiter"],
): string {
  const away = missing.map((member) => `${nameOf(config, member.id)} (${ACCOUNT_WORDS[member.account]})`);
  const rest = away.length > 0 ? `; of the previous primary view these are away: ${away.join(", ")}` : "";
  const vote =
    arbiter === "granted" ? ", and the arbiter's vote makes it a majority" : ` and ${count.quorumVotes} are needed`;
  return `Quorum: ${count.votes} of ${count.expectedVotes} expected votes are here${vote}${rest}.`;
}

const ACCOUNT_WORDS: Readonly<Record<MissingAccount, string>> = {
  left: "left cleanly",
  fenced: "confirmed off",
  outvoted: "outvoted by the majority here",
  "loss-accepted": "taken as gone, losses are accepted",
  unaccounted: "may still be active",
};

function blockedReason(config: QuorumConfig, blocking: readonly MissingMember[]): string {
  const nodes = names(config, blocking);
  const next = config.fencing
    ? `Waiting for the confirmed fence; if it cannot succeed, make sure that they are off and confirm it with "systole fence confirm NODE".`
    : `There is no fence device to confirm that they are off: bring them back, or configure fencing.`;
  return `Votes suffice, but ${nodes} of the previous primary view may still be active and this view has no majority over them, so nothing is started. ${next}`;
}

function nameOf(config: QuorumConfig, id: NodeId): string {
  return config.nodes.find((node) => node.id === id)?.name ?? `node ${id}`;
}

function names(config: QuorumConfig, nodes: readonly { readonly id: NodeId }[]): string {
  return nodes.map((node) => nameOf(config, node.id)).join(", ");
}

function idsOf(ids: readonly NodeId[]): { id: NodeId }[] {
  return ids.map((id) => ({ id }));
}

/**
 * Refuses options that can lose acknowledged changes, unless `acceptLoss` says that this is wanted.
 * @returns the sentence of the refusal; undefined when the configuration may be used.
 */
export function refuseLossy(config: QuorumConfig): string | undefined {
  if (config.acceptLoss) return undefined;
  const remedy = `or set acceptLoss to true to accept that acknowledged changes may be lost (status will show it).`;
  const sum = config.nodes.reduce((votes, node) => votes + node.votes, 0);
  if (config.expectedVotes !== undefined && config.expectedVotes < sum) {
    return `expected votes of ${config.expectedVotes} are fewer than the ${sum} votes that are configured, so both halves of a cut cluster could have quorum, each losing the other's changes. Expect at least ${sum}, ${remedy}`;
  }
  if (config.twoNode && !config.fencing && config.arbiter === undefined) {
    return `two_node without fencing lets both halves of a cut cluster run alone, each losing the other's changes. Configure a fence device, or an arbiter in the place of two_node, ${remedy}`;
  }
  if (config.twoNode && !config.waitForAll && config.arbiter === undefined) {
    return `two_node without wait_for_all lets a node that was fenced start alone with old data. Set wait_for_all, ${remedy}`;
  }
  return undefined;
}

/**
 * Refuses a configuration whose numbers cannot be meant.
 * @returns the sentence of the refusal; undefined when the configuration may be used.
 */
export function refuseImpossible(config: QuorumConfig): string | undefined {
  const ids = new Set(config.nodes.map((node) => node.id));
  if (ids.size !== config.nodes.length) return `Two nodes have the same id in the configuration. Give each its own.`;
  const odd = config.nodes.find((node) => !Number.isInteger(node.votes) || node.votes < 0);
  if (odd) return `Node ${odd.name} has ${odd.votes} votes. Use a whole number of at least 0.`;
  const sum = config.nodes.reduce((votes, node) => votes + node.votes, 0);
  if (sum === 0) return `No node has a vote, so nothing could ever be quorate. Give at least one node a vote.`;
  const expected = config.expectedVotes ?? sum;
  if (!Number.isInteger(expected) || expected < 1)
    return `expected_votes is ${expected}. Use a whole number of at least 1.`;
  const needed = Math.floor(expected / 2) + 1;
  if (needed > sum && !config.autoTieBreaker) {
    return `expected_votes is ${expected}, so ${needed} votes would be a quorum and all nodes together have ${sum}: nothing could ever be quorate, and nobody could change it back. Use at most ${2 * sum - 1}.`;
  }
  if (config.twoNode && (config.nodes.length !== 2 || sum !== 2 || expected !== 2)) {
    return (
      `two_node is for exactly two nodes of one vote each; ${config.nodes.length} nodes with ${sum} votes are configured ` +
      `(expected votes ${expected}). Turn two_node off.`
    );
  }
  return undefined;
}
