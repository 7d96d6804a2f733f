// What the coordinator chooses from the states of a view's members: whose log, whose status, under which version, and with what
// right. Plain functions of the states, so that every member can check what it is offered.

import { compareViewIds, type NodeId, type View } from "../membership/view.ts";
import type { KernelMessage, LogPosition, NodeLife } from "../messages.ts";
import { faultPlanted, type Plantable } from "../planted-fault.ts";
import { type ArbiterWord, judgeQuorum, type QuorumConfig, type QuorumVerdict } from "../quorum/votes.ts";
import { childNamed, type Element, withChildren } from "./element.ts";
import { compareLogs, type LogState } from "./log.ts";
import { compareVersions, versionOf } from "./version.ts";

/** What a member has said of itself. */
export type State = Extract<KernelMessage, { type: "state" }>;
export type States = ReadonlyMap<NodeId, State>;

/** The position of one who has nothing of a log, and asks for everything. */
export const NOTHING: LogPosition = {
  primaryNumber: 0,
  index: 0,
  adoptedPrimary: 0,
  promisedPrimary: 0,
  promisedMembers: [],
  intact: false,
  empty: true,
};

function byNode(states: States): [NodeId, State][] {
  return [...states].sort(([a], [b]) => a - b);
}

/** Who has the log that contains everything that was ever acknowledged; the coordinator itself when it is as good as any. */
export function holderOfBestLog(coordinator: NodeId, states: States): NodeId {
  let best = coordinator;
  for (const [id, { position }] of byNode(states)) {
    const held = states.get(best)?.position ?? NOTHING;
    const order = Number(position.intact) - Number(held.intact) || compareLogs(position, held);
    if (order > 0) best = id;
  }
  return best;
}

/** Among the members that come from the same view as the coordinator: who has heard most of it. */
export function holderOfNewestStatus(coordinator: NodeId, states: States): NodeId {
  let newest = coordinator;
  for (const [id, state] of byNode(states)) {
    if (cameAlong(coordinator, states, state) && state.sequence > (states.get(newest)?.sequence ?? 0)) newest = id;
  }
  return newest;
}

function cameAlong(coordinator: NodeId, states: States, state: State): boolean {
  const view = states.get(coordinator)?.lastView;
  const other = state.lastView;
  if (view === undefined || other === undefined) return false;
  return compareViewIds(view, other) === 0 && view.proposerIncarnation === other.proposerIncarnation;
}

/**
 * The coordinator's status, with what the members say of themselves: all of it of those that were not with the coordinator, what is newer
 * of the others (see `mergeNodeState`). No node is removed.
 */
export function mergedStatus(
  status: Element,
  coordinator: NodeId,
  states: States,
  how: Plantable & {
    readonly digestOf: (element: Element) => string;
    readonly mergeNodeState: (recorded: Element, own: Element) => Element;
  },
): Element {
  const children = [...status.children];
  for (const [, state] of byNode(states)) {
    const own = state.nodeState;
    if (own === undefined) continue;
    const at = children.findIndex((child) => child.attributes["id"] === own.attributes["id"]);
    const recorded = children[at];
    if (recorded === undefined) {
      // Of a member that came along the coordinator knows everything that was committed: it has only not been listed yet.
      if (!cameAlong(coordinator, states, state)) children.push(own);
      continue;
    }
    const isKnown = cameAlong(coordinator, states, state) || faultPlanted(how, "missing-incarnation-check");
    const fresh = isKnown ? how.mergeNodeState(recorded, own) : own;
    if (how.digestOf(recorded) !== how.digestOf(fresh)) children[at] = fresh;
  }
  return withChildren(status, children);
}

/** Above every num_updates that any member has shown for this configuration, so that versions never go back. */
export function nextNumUpdates(document: Element, states: States): number {
  const version = versionOf(document);
  let highest = 0;
  for (const state of states.values()) {
    const { numUpdates } = state.version;
    if (compareVersions({ ...version, numUpdates }, state.version) === 0) highest = Math.max(highest, numUpdates);
  }
  return highest + 1;
}

/** Judges the view by what its members said, and by what was learned since. */
export function judgeStates(
  config: QuorumConfig,
  view: View,
  states: States,
  learned: {
    readonly fenced: readonly NodeLife[];
    readonly startOverride: boolean;
    readonly arbiter?: ArbiterWord | undefined;
  },
): QuorumVerdict {
  const founding = isFounding(config, view, states);
  const { fenced, startOverride } = learned;
  const members = view.members.map(({ id, incarnation }) => {
    const { promisedPrimary, promisedMembers, intact } = states.get(id)?.position ?? NOTHING;
    const trusted = intact || founding || startOverride;
    return { id, incarnation, promisedPrimary, promisedMembers, intact: trusted, fenced, startOverride };
  });
  return judgeQuorum(config, view, members, learned.arbiter);
}

/** Who of the members has an intact store, and the highest primary view that one of these has adopted whole. */
export function whatIsKnown(states: States): { readonly intact: readonly NodeId[]; readonly adopted: number } {
  const whole = byNode(states).filter(([, { position }]) => position.intact);
  const adopted = Math.max(0, ...whole.map(([, { position }]) => position.wholePrimary ?? 0));
  return { intact: whole.map(([id]) => id), adopted };
}

/** All configured nodes are here and none has ever stored a change: a new cluster, in which nothing can be lost. */
function isFounding(config: QuorumConfig, view: View, states: States): boolean {
  const present = (id: NodeId) => view.members.some((member) => member.id === id);
  const blank = ({ position }: State) => position.empty || (position.intact && position.index === 0);
  return config.nodes.every((node) => present(node.id)) && [...states.values()].every(blank);
}

/** A log whose configuration equals the shown one in content has the shown one, so that nothing counts as changed. */
export function sharingShown(log: LogState, shownCib: Element, digestOf: (element: Element) => string): LogState {
  const shown = childNamed(shownCib, "configuration");
  const own = childNamed(log.document, "configuration");
  if (shown === undefined || own === undefined || shown === own || digestOf(shown) !== digestOf(own)) return log;
  const { position, entries, recent, history } = log;
  return { document: withChildren(log.document, [shown]), position, entries, recent, history };
}
