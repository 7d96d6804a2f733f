// A bug is not an expected failure: it stops the node at once, and the peers fence it.

/** Thrown when an invariant of Systole itself is broken. Never caught to go on; the process ends. */
export class BugError extends Error {
  override readonly name = "BugError";
}

/** Always on, also in production: a node that is wrong about itself must not act. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new BugError(`Bug in Systole: ${message}`);
}

/** For the branch of a union that cannot be reached. */
export function unreachable(value: never): never {
  throw new BugError(`Bug in Systole: unexpected ${JSON.stringify(value)}`);
}
