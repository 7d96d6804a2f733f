// "Did you mean …?": which known name is closest to one that does not exist.

/** Candidates beyond this are not looked at: a hint is not worth a pause. */
const MAX_CANDIDATES = 5_000;

/** Longer names than this are compared by their beginning only. */
const MAX_COMPARED = 64;

/** The candidate that differs least, when it differs by little enough to be meant; the first one of equals. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const wanted = name.toLowerCase().slice(0, MAX_COMPARED);
  let best: { name: string; distance: number } | undefined;
  for (const candidate of candidates.slice(0, MAX_CANDIDATES)) {
    const offered = candidate.toLowerCase().slice(0, MAX_COMPARED);
    const allowed = Math.max(1, Math.floor(Math.max(wanted.length, offered.length) / 3));
    const limit = best === undefined ? allowed : Math.min(allowed, best.distance - 1);
    if (limit < 0 || Math.abs(wanted.length - offered.length) > limit) continue;
    const distance = editDistance(wanted, offered);
    if (distance <= limit) best = { name: candidate, distance };
  }
  return best?.name;
}

/** ` Did you mean "web"?`, or nothing. */
export function didYouMean(name: string, candidates: readonly string[]): string {
  const near = nearest(name, candidates);
  return near === undefined ? "" : ` Did you mean "${near}"?`;
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from one text to the other. */
function editDistance(one: string, other: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: other.length + 1 }, (_, j) => j);
  for (let i = 1; i <= one.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const differs = one[i - 1] === other[j - 1] ? 0 : 1;
      let least = Math.min((previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + differs);
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (swapped) least = Math.min(least, (before[j - 2] ?? 0) + 1);
      current.push(least);
    }
    before = previous;
    previous = current;
  }
  return previous[other.length] ?? 0;
}
