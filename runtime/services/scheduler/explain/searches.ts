// The searches for changes of one report: each question once, all together within bounds.

import type { Element } from "../../../kernel/cib/element.ts";
import type { Schedule } from "../schedule.ts";
import { stripInstance } from "../tree.ts";
import type { ChangeReport, ReportRequest } from "./report.ts";
import { type Goal, isReached, type SearchResult, smallestChange } from "./smallest-change.ts";

/** Changes are searched for so many questions in one report. */
const MAX_SEARCHES = 24;
/** All searches of a report together may make so many plans: fewer for a large cluster, whose plans take longer. */
const MAX_TRIALS = 4000;
const MIN_TRIALS = 24;
/** Pairs of instance and node that these plans may look at, about half a minute's work. */
const MAX_TRIAL_PAIRS = 500_000;

/** See the head of the file. */
export class Searches {
  private readonly request: ReportRequest;
  private readonly known = new Map<string, SearchResult>();
  private readonly trialsEach: number;
  /** Questions that came when enough had been searched for. */
  private readonly left = new Set<string>();
  private readonly plan: Schedule;

  constructor(request: ReportRequest, plan: Schedule, questions: number) {
    this.request = request;
    this.plan = plan;
    const nodes = (plan.explanation?.instances ?? []).map((one) => one.nodes.length);
    const pairs = Math.max(1, ...nodes) * plan.placements.length;
    const trials = Math.min(MAX_TRIALS, Math.floor(MAX_TRIAL_PAIRS / Math.max(1, pairs)));
    this.trialsEach = Math.max(MIN_TRIALS, trials / Math.max(1, Math.min(questions, MAX_SEARCHES)));
  }

  /** So many questions were left. */
  get unanswered(): number {
    return this.left.size;
  }

  /** Empty when it is so already, or too much was asked for. */
  find(instance: string, node: string, goal: Goal): ChangeReport[] {
    const resource = stripInstance(instance);
    const key = `${goal} ${resource} ${node}`;
    let result = this.known.get(key);
    if (result === undefined) {
      const { cib, schedule } = this.request;
      if (isReached(cib, resource, node, goal, this.plan)) return [];
      if (this.known.size >= MAX_SEARCHES) {
        this.left.add(key);
        return [];
      }
      const search = { cib, resource, node, goal, maxTrials: this.trialsEach };
      result = smallestChange({
        ...search,
        schedule: (changed: Element, explain = false) => schedule(changed, explain),
      });
      this.known.set(key, result);
    }
    return [{ goal, ...result }];
  }
}
