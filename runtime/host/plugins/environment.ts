// The environment of what is started here: little, and the same on each node, so that a service behaves the same
// wherever it runs and no variable of whoever started Systole leaks into it.

/** Variables that are handed on from the node's own environment. */
const HANDED_ON = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR"];

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The environment for a child: what is handed on, then what the node gives to each child, then what the caller adds. */
export function environmentFor(
  childEnvironment: Readonly<Record<string, string>>,
  added: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const environment: Record<string, string> = { PATH: DEFAULT_PATH };
  for (const name of HANDED_ON) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  // Last, so that nobody takes a node's mark off its children: fencing finds them by it.
  return { ...environment, ...added, ...childEnvironment };
}
