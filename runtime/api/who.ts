// Who asked for a change, for the record. Only the user that a node runs as may open its control socket, so the node knows by itself who
// that is. A client can say more precisely (who called sudo, which machine); that is recorded beside what is known, not instead.

import { hostname, userInfo } from "node:os";

let known: string | undefined;

/** The user of this process and its machine: `root@n1`. Looked up once: it is asked for with each change. */
export function thisUser(): string {
  known ??= lookUp();
  return known;
}

function lookUp(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A user id without a name is still somebody.
    return `uid ${process.getuid?.() ?? "unknown"}@${hostname()}`;
  }
}

/** What is recorded of a client that says to be `said`: who can open the socket, and for whom when that is somebody else. */
export function recordedWho(said: string): string {
  const user = thisUser();
  return said === user || said === "" ? user : `${user} (for ${said})`;
}
