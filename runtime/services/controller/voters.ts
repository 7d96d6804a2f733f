// Whose votes count, as a committed entry of the log, and how that changes: by one vote at a time.
//
// Each node reads the votes of all from its configuration file, and files cannot be changed on all nodes in one moment. Two nodes that
// count with lists that differ by more than one vote could each find a majority where the other finds one too. So what counts is the list
// in the CIB, and the files say only what is wanted: the coordinator of a primary view goes there, one vote a change, and takes no step
// that would cost the view its own majority. Any two majorities before and after such a step have a member in common.
//
// The arbiter's vote is an entry of its own beside the list, and counts as one vote of it: it comes when the list is what it should be, and
// goes before the list changes (services/arbiter).

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import type { NodeId } from "../../kernel/membership/view.ts";
import type { CibEdit, CibPath, PathStep, Standing } from "../../kernel/messages.ts";
import { type ControllerConfig, type Desk, nodeName } from "./effects.ts";

/** The cluster property with the list: `1:1 2:1 3:1`, ids and votes. */
export const VOTERS = "systole-voters";
/** The cluster property with the register of the arbiter that has a vote. */
export const ARBITER = "systole-arbiter";
/** The set that they stand in when the cluster writes them. */
const SET = "systole-cluster";
const ENTRY = /^([1-9]\d{0,9}):(\d{1,5})$/;

/** Votes by node. A node that is not in it has none. */
export type Votes = ReadonlyMap<NodeId, number>;

/** The list in a property's text; undefined when it is none. */
export function parseVoters(text: string): Votes | undefined {
  const votes = new Map<NodeId, number>();
  for (const entry of text.trim().split(/\s+/)) {
    const match = ENTRY.exec(entry);
    if (match === null) return undefined;
    votes.set(Number(match[1]), Number(match[2]));
  }
  return votes;
}

/** The text of a list; nodes without a vote are left out. */
export function formatVoters(votes: Votes): string {
  const entries = [...votes].filter(([, count]) => count > 0).sort(([a], [b]) => a - b);
  return entries.map(([id, count]) => `${id}:${count}`).join(" ");
}

interface Texts {
  readonly voters: string | undefined;
  readonly arbiter: string | undefined;
}

/** What was read from a <crm_config>: it is asked for with every step, and seldom changes. */
const texts = new WeakMap<Element, Texts>();

function textsOf(cib: Element): Texts | undefined {
  const config = childNamed(childNamed(cib, "configuration"), "crm_config");
  if (config === undefined) return undefined;
  let known = texts.get(config);
  if (known === undefined) {
    known = { voters: readPair(config, VOTERS)?.value, arbiter: readPair(config, ARBITER)?.value };
    texts.set(config, known);
  }
  return known;
}

function readPair(config: Element, name: string): { readonly path: CibPath; readonly value: string } | undefined {
  for (const set of childrenNamed(config, "cluster_property_set")) {
    for (const pair of set.children) {
      const { id = "", value } = pair.attributes;
      if (pair.attributes["name"] !== name || value === undefined) continue;
      return { path: [...CRM_CONFIG, stepTo(set), { name: pair.name, id }], value };
    }
  }
  return undefined;
}

const CRM_CONFIG: CibPath = [{ name: "configuration" }, { name: "crm_config" }];

const stepTo = (element: Element): PathStep => ({ name: element.name, id: element.attributes["id"] ?? "" });

/** The text of the property with the votes in a CIB; undefined when there is none. */
export function votersText(cib: Element): string | undefined {
  return textsOf(cib)?.voters;
}

/** The register of the arbiter that has a vote under a CIB; undefined when none has. */
export function committedArbiter(cib: Element): string | undefined {
  const text = textsOf(cib)?.arbiter;
  return text === "" ? undefined : text;
}

/** The edit that gives the arbiter with this register a vote, or takes the vote of the one that has it. */
export function arbiterEdit(cib: Element, register: string | undefined): CibEdit | undefined {
  const pair = { name: "nvpair", id: `${SET}-arbiter` };
  const path = [...CRM_CONFIG, { name: "cluster_property_set", id: SET }, pair];
  if (register !== undefined) return { edit: "set", path, attributes: { name: ARBITER, value: register } };
  const config = childNamed(childNamed(cib, "configuration"), "crm_config");
  const present = config === undefined ? undefined : readPair(config, ARBITER);
  return present === undefined ? undefined : { edit: "delete", path: present.path };
}

/** The list that counts under a CIB; undefined when it has none that can be read, and the files count. */
export function committedVoters(cib: Element): Votes | undefined {
  const text = votersText(cib);
  return text === undefined ? undefined : parseVoters(text);
}

/** How many votes lie between two lists. */
export function votesBetween(one: Votes, other: Votes): number {
  let between = 0;
  for (const id of new Set([...one.keys(), ...other.keys()])) {
    between += Math.abs((one.get(id) ?? 0) - (other.get(id) ?? 0));
  }
  return between;
}

/**
 * The list one vote nearer to what is wanted; undefined when there is no step to take now. A node gets a vote only when it is here, and
 * no step may leave those who are here without a majority, or give more votes than are expected.
 */
export function nextVoters(
  committed: Votes,
  wanted: Votes,
  here: readonly NodeId[],
  expectedVotes: number | undefined,
): Votes | undefined {
  const ids = [...new Set([...committed.keys(), ...wanted.keys()])].sort((a, b) => a - b);
  for (const id of ids) {
    const now = committed.get(id) ?? 0;
    const then = wanted.get(id) ?? 0;
    if (now === then || (then > now && !here.includes(id))) continue;
    const next = new Map(committed).set(id, now + Math.sign(then - now));
    const sum = sumOf([...next.values()]);
    const ours = sumOf(here.map((member) => next.get(member) ?? 0));
    if (ours * 2 > Math.max(sum, expectedVotes ?? 0) && sum <= (expectedVotes ?? sum)) return next;
  }
  return undefined;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** On the coordinator of a primary view: takes the next step, once the one before is committed. */
export function keepVoters(config: ControllerConfig, committedCib: Element, standing: Standing, desk: Desk): void {
  const wanted = config.voters;
  if (committedArbiter(committedCib) !== undefined || committedArbiter(desk.writer.working) !== undefined) return;
  // What was asked for and is not committed yet: wait.
  if (wanted === undefined || votersText(desk.writer.working) !== votersText(committedCib)) return;
  const committed = committedVoters(committedCib);
  if (committed === undefined) {
    desk.writer.write([votersEdit(wanted.votes)]);
    return;
  }
  const here = standing.view.members.map((member) => member.id);
  const next = nextVoters(committed, wanted.votes, here, wanted.expectedVotes(committedCib));
  if (next === undefined) return;
  desk.writer.write([votersEdit(next)]);
  const changed = [...next].filter(([id, votes]) => votes !== (committed.get(id) ?? 0));
  const words = changed.map(([id, votes]) => `${nodeName(config, id)} has ${votes === 0 ? "no vote" : `${votes}`}`);
  const text = `the votes are changed as the configuration of the nodes says, one at a time: ${words.join(", ")} from now on`;
  desk.tell({ kind: "view", code: "voters", text, severity: "info" });
}

/** The edit that makes this the list. */
function votersEdit(votes: Votes): CibEdit {
  const path = [{ name: "configuration" }, { name: "crm_config" }, { name: "cluster_property_set", id: SET }];
  const attributes = { name: VOTERS, value: formatVoters(votes) };
  return { edit: "set", path: [...path, { name: "nvpair", id: `${SET}-voters` }], attributes };
}
