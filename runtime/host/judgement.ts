// What the kernel asks of the host about a CIB: how votes are counted with it, and whether it may be used.

import { childNamed, type Element } from "../kernel/cib/element.ts";
import type { ConfigurationProblem } from "../kernel/messages.ts";
import { type QuorumConfig, type QuorumNode, refuseImpossible, refuseLossy } from "../kernel/quorum/votes.ts";
import { propertiesOf } from "../model/status/options.ts";
import { parseBoolean } from "../model/text.ts";
import { createConfigurationCheck, problemText } from "../model/validate.ts";
import {
  ARBITER,
  committedArbiter,
  committedVoters,
  formatVoters,
  parseVoters,
  VOTERS,
  type Votes,
  votersText,
  votesBetween,
} from "../services/controller/voters.ts";
import type { NodeConfig } from "./config.ts";

/** The cluster property by which expected votes are a committed entry of the log; the nodes' configuration counts without it. */
export const EXPECTED_VOTES = "systole-expected-votes";

/** Each change is judged by several options of the document before it and of the one after it. */
const knownOptions = new WeakMap<Element, ReadonlyMap<string, string>>();

function optionsOf(cib: Element): ReadonlyMap<string, string> {
  const section = childNamed(childNamed(cib, "configuration"), "crm_config");
  if (section === undefined) return propertiesOf(cib);
  const known = knownOptions.get(section) ?? propertiesOf(cib);
  knownOptions.set(section, known);
  return known;
}

/**
 * How votes are counted under this CIB: by the node's configuration, with the expected votes and the arbiter that the CIB has committed, and
 * with fencing when the CIB has a device and uses it.
 */
export function quorumUnder(cib: Element, config: NodeConfig): QuorumConfig {
  const committed = optionsOf(cib).get(EXPECTED_VOTES);
  // What is no number was refused when it came; one that came with an old store counts as not set.
  const expected = committed !== undefined && /^\d{1,5}$/.test(committed) ? { expectedVotes: Number(committed) } : {};
  const register = committedArbiter(cib);
  const arbiter = register === undefined ? {} : { arbiter: register };
  return { ...config.quorum, nodes: votersUnder(cib, config), ...expected, fencing: hasFencing(cib), ...arbiter };
}

/** Whose votes are to count, by this node's configuration. */
export function wantedVotes(config: NodeConfig): Votes {
  return new Map(config.nodes.map(({ id, votes }) => [id, votes]));
}

/** The nodes with the votes that the CIB has committed; by the node's configuration alone where it has none. */
function votersUnder(cib: Element, config: NodeConfig): readonly QuorumNode[] {
  const committed = committedVoters(cib);
  const { nodes } = config.quorum;
  if (committed === undefined) return nodes;
  const others = [...committed.keys()].filter((id) => !nodes.some((node) => node.id === id));
  const all = [...nodes, ...others.map((id) => ({ id, name: `node ${id}` }))].sort((a, b) => a.id - b.id);
  return all.map(({ id, name }) => ({ id, name, votes: committed.get(id) ?? 0 }));
}

/** Why the list of votes may not go from what it is to what a change says; undefined when it may. */
function refusedVoters(next: Element, previous: Element, config: NodeConfig): string | undefined {
  const [before, after] = [votersText(previous), votersText(next)];
  if (before === after || config.quorum.acceptLoss) return undefined;
  const wanted = wantedVotes(config);
  const from = committedVoters(previous) ?? wanted;
  const to = after === undefined ? wanted : parseVoters(after);
  const how = `The cluster changes it by itself after "nodes" in the configuration files, one vote at a time: change these files on all nodes, and start the nodes again one after the other.`;
  if (to === undefined) return `${VOTERS} is "${after}", and should be ids with votes, such as "1:1 2:1 3:1". ${how}`;
  if (votesBetween(from, to) <= (after === undefined ? 0 : 1)) return undefined;
  return `${VOTERS} would go from "${before ?? formatVoters(wanted)}" to "${after ?? formatVoters(wanted)}", more than one vote at once, and two halves of a cluster that counts in two ways could both have a majority. ${how}`;
}

/**
 * Why the arbiter's vote may not go from what it is to what a change says; undefined when it may. It is one vote of the list, so it does not
 * change together with the others, nor they while it counts.
 */
function refusedArbiter(next: Element, previous: Element, config: NodeConfig): string | undefined {
  const [before, after] = [committedArbiter(previous), committedArbiter(next)];
  const sameVoters = votersText(previous) === votersText(next);
  if (config.quorum.acceptLoss || (before === after && (before === undefined || sameVoters))) return undefined;
  if (sameVoters && (before === undefined || after === undefined)) return undefined;
  const what =
    before === after || !sameVoters
      ? `${VOTERS} and ${ARBITER} would count together what one of them may change at a time`
      : `${ARBITER} would go from "${before}" to "${after}", to another register at once`;
  return `${what}, and two halves of a cluster that counts in two ways could both have a majority. The cluster changes both by itself, after "nodes" and "quorum.arbiter" in the configuration files; to replace it by a backup, remove ${ARBITER} first.`;
}

/** What is wrong with the expected votes that a CIB wants to commit. */
function impossibleVotes(cib: Element, config: NodeConfig): string | undefined {
  const wanted = optionsOf(cib).get(EXPECTED_VOTES);
  if (wanted === undefined) return undefined;
  if (!/^\d{1,5}$/.test(wanted)) return `${EXPECTED_VOTES} is "${wanted}". Use a whole number of at least 1.`;
  return refuseImpossible(quorumUnder(cib, config));
}

function hasFencing(cib: Element): boolean {
  if (parseBoolean(optionsOf(cib).get("stonith-enabled")) === false) return false;
  const resources = childNamed(childNamed(cib, "configuration"), "resources");
  return resources !== undefined && hasDevice(resources);
}

/** Of elements that were looked through; a change leaves most of them as they are. */
const withDevice = new WeakMap<Element, boolean>();

function hasDevice(parent: Element): boolean {
  if (parent.children.length === 0) return false;
  const known = withDevice.get(parent);
  if (known !== undefined) return known;
  const has = parent.children.some((child) => child.attributes["class"] === "stonith" || hasDevice(child));
  withDevice.set(parent, has);
  return has;
}

/** Makes the check that says everything that forbids the use of `next` in place of `previous`. */
export function createJudge(config: NodeConfig): (next: Element, previous: Element) => ConfigurationProblem[] {
  const check = createConfigurationCheck();
  return (next, previous) => problemsOf(next, previous, config, check);
}

function problemsOf(
  next: Element,
  previous: Element,
  config: NodeConfig,
  check: ReturnType<typeof createConfigurationCheck>,
): ConfigurationProblem[] {
  const configuration = childNamed(next, "configuration");
  if (configuration === undefined)
    return [{ code: "empty", text: "There is no <configuration> in it. Give a whole CIB." }];
  const problems = check(configuration, childNamed(previous, "configuration")).map((problem) => ({
    code: problem.code,
    text: problemText(problem),
  }));
  const impossible = impossibleVotes(next, config);
  if (impossible !== undefined) return [...problems, { code: "invalid-option", text: impossible }];
  const voters = refusedVoters(next, previous, config) ?? refusedArbiter(next, previous, config);
  if (voters !== undefined) return [...problems, { code: "config-voters", text: voters }];
  const lossy = refuseLossy(quorumUnder(next, config));
  const wasLossy = refuseLossy(quorumUnder(previous, config)) !== undefined;
  return lossy === undefined || wasLossy ? problems : [...problems, { code: "config-lossy", text: lossy }];
}
