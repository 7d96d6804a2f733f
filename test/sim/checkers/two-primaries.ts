// May never happen: two primary views of one number, a primary view without a majority, two primary views in a row that share
// no member, or two that go on side by side for longer than it takes to notice.

import type { Standing } from "../../../runtime/kernel/messages.ts";
import type { Checker, Facts, Observation } from "../observations.ts";
import { viewName, viewText } from "../trace-lines.ts";

/** After so many detection times a member of an older primary view must know that it is out. */
const DETECTIONS_TO_NOTICE = 8;

interface Primary {
  readonly viewId: string;
  readonly members: ReadonlySet<number>;
  readonly sinceMs: number;
}

export class TwoPrimaries implements Checker {
  readonly name = "two-primaries";
  readonly sees = ["standing", "second"] as const;
  readonly #byNumber = new Map<number, Primary>();
  #reported = false;

  see(seen: Observation, facts: Facts): string | undefined {
    if (seen.seen === "standing") return this.#standing(seen.node.name, seen.standing, facts);
    if (seen.seen === "second" && !this.#reported) return this.#sideBySide(facts);
    return undefined;
  }

  #standing(who: string, standing: Standing, facts: Facts): string | undefined {
    if (!standing.primary || !standing.established) return undefined;
    const { view, primaryNumber } = standing;
    const viewId = viewName(view);
    const known = this.#byNumber.get(primaryNumber);
    if (known !== undefined && known.viewId !== viewId) {
      return `${who}: primary view ${primaryNumber} is ${viewText(view)}, elsewhere it is ${known.viewId}`;
    }
    if (known !== undefined) return undefined;
    const members = new Set(view.members.map((member) => member.id));
    this.#byNumber.set(primaryNumber, { viewId, members, sinceMs: facts.nowMs });
    // Of two nodes one may go on alone, when the other was fenced: what runs twice then is found by other checkers.
    const { nodes, arbiter } = facts.dials;
    if (nodes === 2 && arbiter === undefined) return undefined;
    // A half may be primary when the arbiter has given it its vote.
    if (arbiter === undefined ? members.size * 2 <= nodes : members.size * 2 < nodes) {
      return `${who}: ${viewText(view)} is primary with ${members.size} of ${nodes} votes`;
    }
    const before = this.#byNumber.get(primaryNumber - 1);
    if (before !== undefined && ![...members].some((id) => before.members.has(id))) {
      return `primary views ${primaryNumber - 1} and ${primaryNumber} share no member`;
    }
    return undefined;
  }

  #sideBySide(facts: Facts): string | undefined {
    const patienceMs = DETECTIONS_TO_NOTICE * facts.dials.detectionTimeoutMs;
    let newest = 0;
    for (const { life } of facts.nodes) newest = Math.max(newest, primaryNumberOf(life?.standing));
    const since = this.#byNumber.get(newest)?.sinceMs ?? facts.nowMs;
    if (facts.nowMs - since < patienceMs) return undefined;
    for (const { name, life } of facts.nodes) {
      const number = primaryNumberOf(life?.standing);
      const awake = life?.runningSinceMs !== undefined && facts.nowMs - life.runningSinceMs > patienceMs;
      if (awake && number > 0 && number < newest) {
        this.#reported = true;
        return `${name} still takes primary view ${number} for the present one, ${newest} has been there for ${facts.nowMs - since} ms`;
      }
    }
    return undefined;
  }
}

function primaryNumberOf(standing: Standing | undefined): number {
  return standing?.primary && standing.established ? standing.primaryNumber : 0;
}
