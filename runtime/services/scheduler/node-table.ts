// Tables of scores by node: which nodes a resource may use, how much it wants each, and what is already there.

import { addScores } from "../../model/score.ts";
import type { Cluster, Node, NodeTable } from "./state.ts";

/** In place of a score: the node is not in the table. Below every score there is. */
export const ABSENT = -2_000_000_000;

export function emptyTable(): NodeTable {
  return { scores: [], probes: [], counts: [] };
}

/** Score of a node, ABSENT when it is not in the table. */
export function scoreOf(table: NodeTable, node: Node): number {
  return table.scores[node.index] ?? ABSENT;
}

export function has(table: NodeTable, node: Node): boolean {
  return (table.scores[node.index] ?? ABSENT) !== ABSENT;
}

/** Puts a node in, with what the node itself begins with. */
export function insert(table: NodeTable, node: Node, score = node.baseScore): void {
  while (table.scores.length <= node.index) {
    table.scores.push(ABSENT);
    table.probes.push(0);
    table.counts.push(0);
  }
  table.scores[node.index] = score;
  table.probes[node.index] = node.baseProbe;
  table.counts[node.index] = 0;
}

export function remove(table: NodeTable, node: Node): void {
  if (node.index < table.scores.length) table.scores[node.index] = ABSENT;
}

/** Adds to a node's score; the node comes in when it was absent. */
export function add(table: NodeTable, node: Node, score: number): void {
  if (!has(table, node)) insert(table, node);
  table.scores[node.index] = addScores(table.scores[node.index] ?? 0, score);
}

export function copyTable(table: NodeTable): NodeTable {
  return { scores: table.scores.slice(), probes: table.probes.slice(), counts: table.counts.slice() };
}

/** A table of all nodes. */
export function fullTable(cluster: Cluster): NodeTable {
  const table = emptyTable();
  for (const node of cluster.nodes) insert(table, node);
  return table;
}

/** The nodes of a table, by name. */
export function nodesOf(cluster: Cluster, table: NodeTable): Node[] {
  return cluster.sortedNodes.filter((node) => has(table, node));
}

/** Up, staying, clean and in service. */
export function nodeUsable(node: Node): boolean {
  return node.online && !node.shutdown && !node.unclean && !node.standby && !node.maintenance;
}

/** Usable, and not banned by the table. */
export function usableIn(table: NodeTable, node: Node): boolean {
  return nodeUsable(node) && scoreOf(table, node) >= 0;
}

/** Whether any node of the table could be used. */
export function anyUsable(cluster: Cluster, table: NodeTable): boolean {
  const { scores } = table;
  for (let i = 0; i < scores.length; i += 1) {
    const node = cluster.nodes[i];
    if ((scores[i] ?? ABSENT) >= 0 && node !== undefined && nodeUsable(node)) return true;
  }
  return false;
}
