// The environment of what is started here: little, and the same on each node, so that a service behaves the same
// wherever it runs and no variable of whoever started Systole leaks into it.

/** Variables that are handed on from the node's own environment. */
const HANDED_ON = ["PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR"];

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Variables by which a program finds, loads or runs other code than its own. */
const STEERING = new RegExp(
  [
    "PATH|IFS|ENV|SHELL|SHELLOPTS|PS4|CDPATH|HOME|TMPDIR|EDITOR|VISUAL|PAGER|LESS(OPEN|CLOSE)|TERMINFO(_DIRS)?|TERMCAP",
    "HOSTALIASES|RES_OPTIONS|LOCALDOMAIN|LOCPATH|NLSPATH|GCONV_PATH|GETCONF_DIR|CLASSPATH|PHPRC|_JAVA_OPTIONS",
    "NODE_(OPTIONS|PATH|V8_COVERAGE|EXTRA_CA_CERTS|REPL_.*)|(BASH|PYTHON|PERL|RUBY).*",
    "(LD|DYLD|MALLOC|GLIBC|GEM|NPM|DENO|BUN|LUA|PHP|GIT|SSH|OPENSSL|SSL|CURL|JAVA|JDK|SYSTEMD|XDG)_.*",
  ]
    .map((names) => `^(${names})$`)
    .join("|"),
  "i",
);
/** What the name of a variable is made of. */
const VARIABLE_NAME = /^[A-Za-z_]\w*$/;

/** Those of the variables that need a permission, as `NAME=value`: a program that is started with them may be another one. */
export function steeringVariables(env: Readonly<Record<string, string>> = {}): string[] {
  return Object.entries(env)
    .filter(([name]) => STEERING.test(name) || !VARIABLE_NAME.test(name))
    .map(([name, value]) => `${name}=${value}`);
}

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
