// Which nodes shall form a view: a clique of the graph of who hears whom, chosen by a rule that gives the same answer on
// each node that knows the same graph. More members win; among equally many, those that come first in the order given.

import type { NodeId } from "./view.ts";

/**
 * Bounds the search for the largest clique. With all links whole, or some nodes gone, the first descent is the answer; only
 * a network with many one-way cuts needs more, and there a good clique that all agree on is worth more than the best one.
 */
const MAX_SEARCH_STEPS = 4096;

/**
 * The clique that `self` belongs to when the graph is split into cliques, the best first.
 * @param order all nodes, the preferred first; `self` is one of them
 * @param linked whether two different nodes hear each other; symmetric
 * @returns the members, in the order of `order`
 */
export function chooseClique(
  order: readonly NodeId[],
  linked: (a: NodeId, b: NodeId) => boolean,
  self: NodeId,
): NodeId[] {
  const size = order.length;
  const adjacent = new Uint8Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = i + 1; j < size; j++) {
      if (linked(order[i]!, order[j]!)) {
        adjacent[i * size + j] = 1;
        adjacent[j * size + i] = 1;
      }
    }
  }
  let remaining = order.map((_, index) => index);
  while (remaining.length > 0) {
    const clique = largestClique(remaining, adjacent, size);
    if (clique.some((index) => order[index] === self)) return clique.map((index) => order[index]!);
    const taken = new Set(clique);
    remaining = remaining.filter((index) => !taken.has(index));
  }
  return [self];
}

/** The largest clique; of several, the one that is first in lexicographic order (within the bound of the search). */
function largestClique(nodes: readonly number[], adjacent: Uint8Array, size: number): readonly number[] {
  let best: readonly number[] = [];
  let steps = 0;
  const extend = (chosen: readonly number[], candidates: readonly number[]): void => {
    if (candidates.length === 0) {
      if (chosen.length > best.length) best = chosen;
      return;
    }
    for (let i = 0; i < candidates.length; i++) {
      if (chosen.length + candidates.length - i <= best.length) return;
      steps += 1;
      if (steps > MAX_SEARCH_STEPS && best.length > 0) return;
      const row = candidates[i]! * size;
      const next: number[] = [];
      for (let j = i + 1; j < candidates.length; j++) {
        if (adjacent[row + candidates[j]!] === 1) next.push(candidates[j]!);
      }
      extend([...chosen, candidates[i]!], next);
    }
  };
  extend([], nodes);
  return best;
}

/**
 * Orders two sets of nodes as chooseClique would: positive when `a` is the better. Both are sorted by the same order,
 * and `rank` gives a node's place in it.
 */
export function compareCliques(
  a: readonly NodeId[],
  b: readonly NodeId[],
  rank: (id: NodeId) => number = (id) => id,
): number {
  if (a.length !== b.length) return a.length - b.length;
  const ranksA = a.map(rank).sort((x, y) => x - y);
  const ranksB = b.map(rank).sort((x, y) => x - y);
  for (let i = 0; i < ranksA.length; i++) {
    const difference = ranksB[i]! - ranksA[i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}
