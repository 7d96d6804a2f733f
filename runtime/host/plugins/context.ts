// Makes the `ctx` of one call: exactly the capabilities that the manifest declares, each of them asking the grants first,
// each of them dead once the call's deadline has passed. A plugin in its own process reaches it through sandbox/host-calls.ts;
// a transport, which runs in this process, gets it as it is.

import { setTimeout as wait } from "node:timers/promises";
import type {
  Attributes,
  BaseContext,
  Daemon,
  Fetch,
  FetchOptions,
  Log,
  Permissions,
  Processes,
  ProcessIdentity,
  ReadFiles,
  Run,
  RunOptions,
  Tcp,
  Udp,
  WriteFiles,
} from "../../../sdk/mod.ts";
import { AgentError } from "../../../sdk/mod.ts";
import { hostCrypto } from "./ciphers.ts";
import type { Daemons } from "./daemons.ts";
import { steeringVariables } from "./environment.ts";
import { fetchWhole } from "./fetch.ts";
import { checkPath, grantedFiles } from "./files.ts";
import type { Grants, InstanceGrants } from "./grants.ts";
import type { InstanceLimits } from "./limits.ts";
import { plainText } from "./plugin-error.ts";
import { bootId, findProcesses, signalProcess } from "./processes.ts";
import { runCommand } from "./run.ts";
import type { InstanceState } from "./state.ts";
import { grantedTcp } from "./tcp.ts";
import { grantedUdp } from "./udp.ts";

/** A context as the host holds it: which capabilities there are depends on the manifest. */
export interface HostContext extends BaseContext<Readonly<Record<string, unknown>>> {
  /** Blots this instance's secrets out of a text. */
  readonly redact: (text: string) => string;
  readonly run?: Run;
  readonly daemon?: Daemon;
  readonly fetch?: Fetch;
  readonly udp?: Udp;
  readonly tcp?: Tcp;
  readonly attributes?: Attributes;
  readonly fs?: Partial<ReadFiles & WriteFiles>;
  readonly processes?: Processes;
  readonly promotionScore?: (score: number | undefined) => Promise<void>;
  /** Throws PluginError when a kind that is not here was asked for by the manifest, and withheld. */
  readonly refuseWithheld: (kind: keyof Permissions) => void;
}

/** What a context is made of. */
export interface ContextParts {
  readonly node: string;
  readonly resource: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly permissions: Permissions;
  readonly grants: InstanceGrants;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly redact: (text: string) => string;
  readonly state: InstanceState;
  readonly daemons: Daemons;
  readonly limits: InstanceLimits;
  readonly childEnvironment: Readonly<Record<string, string>>;
  /** Sets an attribute of this node; null takes it back. */
  readonly onAttribute: (name: string, value: string | null) => void;
  /** Says the promotion score to the cluster; null takes it back. */
  readonly onPromotionScore: (score: number | null) => void;
}

/** Pacemaker's INFINITY. */
const HIGHEST_SCORE = 1_000_000;

/** Keys that begin so are the host's own. */
const HOST_KEYS = "host:";

type AsyncFunction<Arguments extends readonly unknown[], Result> = (...args: Arguments) => Promise<Result>;

/** Nothing may act after its deadline: neither begin, nor hand a result to a plugin that goes on. */
function whileWanted(signal: AbortSignal) {
  return <Arguments extends readonly unknown[], Result>(
    perform: AsyncFunction<Arguments, Result>,
  ): AsyncFunction<Arguments, Result> => {
    return async (...args) => {
      signal.throwIfAborted();
      const result = await perform(...args);
      signal.throwIfAborted();
      return result;
    };
  };
}

/** The context of one call. */
export function createContext(parts: ContextParts): HostContext {
  const { permissions, grants, signal, daemons, limits, childEnvironment } = parts;
  const guard = whileWanted(signal);
  const reads = permissions.read !== undefined;
  const writes = permissions.write !== undefined;
  const files = grantedFiles(grants);
  return {
    params: parts.params,
    node: parts.node,
    resource: parts.resource,
    signal,
    log: parts.log,
    redact: parts.redact,
    refuseWithheld: (kind) => grants.checkKind(kind),
    sleep: guard(async (ms: number) => await wait(ms, undefined, { signal })),
    state: ownState(parts.state, limits, guard),
    crypto: hostCrypto,
    ...(permissions.run === undefined
      ? {}
      : {
          run: guard(async (program: string, args: readonly string[] = [], options: RunOptions = {}) => {
            grants.check({ kind: "run", program, args });
            for (const variable of steeringVariables(options.env)) grants.check({ kind: "env", variable });
            await checkDirectory(parts, options.directory);
            return await limits.during("run", () => runCommand(program, args, options, { signal, childEnvironment }));
          }),
        }),
    ...(permissions.daemon === undefined
      ? {}
      : { daemon: grantedDaemon(daemons.of(parts.resource, signal), parts, guard) }),
    ...(permissions.net === undefined
      ? {}
      : {
          fetch: guard(async (url: string, options: FetchOptions = {}) => {
            if (!URL.canParse(url) || !/^https?:/i.test(url))
              throw new AgentError("arguments", `${url} is no http or https URL.`);
            grants.check({ kind: "net", url });
            for (const meant of otherHosts(url, options.headers)) grants.check({ kind: "net", url: meant });
            return await limits.during("fetch", () => fetchWhole(url, options, signal, grants));
          }),
          udp: grantedUdp(grants, signal, parts.log.warn),
          tcp: grantedTcp(grants, signal),
        }),
    ...(permissions.attributes === undefined
      ? {}
      : { attributes: grantedAttributes(parts.onAttribute, grants, limits, guard) }),
    ...(reads || writes
      ? {
          fs: {
            ...(reads ? { readText: guard(files.readText) } : {}),
            ...(writes ? { writeText: guard(files.writeText), remove: guard(files.remove) } : {}),
          },
        }
      : {}),
    ...(permissions.processes === undefined ? {} : { processes: grantedProcesses(grants, limits, guard) }),
    ...(permissions.promotionScore === true
      ? {
          promotionScore: guard(async (score: number | undefined) => {
            const checked = checkScore(score);
            limits.count("attributes");
            parts.onPromotionScore(checked);
          }),
        }
      : {}),
  };
}

/** The URLs that a server takes a request for whose headers name another host than its own URL. */
function otherHosts(url: string, headers: FetchOptions["headers"] = {}): string[] {
  const { protocol, host, pathname } = new URL(url);
  return Object.entries(headers)
    .filter(([name, value]) => name.toLowerCase() === "host" && value !== host)
    .map(([, value]) => {
      const meant = `${protocol}//${value}${pathname}`;
      if (!URL.canParse(meant)) throw new AgentError("arguments", `${JSON.stringify(value)} is no host of a request.`);
      return meant;
    });
}

/** The instance's state without what the host keeps there. */
function ownState(state: InstanceState, limits: InstanceLimits, guard: Guard): BaseContext<unknown>["state"] {
  const ownKey = (key: string): string => {
    if (key.startsWith(HOST_KEYS)) throw new AgentError("generic", `Keys of ctx.state may not begin with ${HOST_KEYS}`);
    return key;
  };
  return {
    get: guard(async (key: string) => state.get(ownKey(key))),
    set: guard(async (key: string, value: string) => {
      limits.count("state");
      state.set(ownKey(key), String(value));
    }),
    remove: guard(async (key: string) => {
      limits.count("state");
      state.remove(ownKey(key));
    }),
  };
}

function checkScore(score: number | undefined): number | null {
  if (score === undefined) return null;
  if (!Number.isInteger(score) || Math.abs(score) > HIGHEST_SCORE) {
    throw new AgentError(
      "generic",
      `A promotion score is a whole number between -${HIGHEST_SCORE} and ${HIGHEST_SCORE}, not ${score}.`,
    );
  }
  return score;
}

type Guard = ReturnType<typeof whileWanted>;

/** What an attribute's name may be: it becomes an XML attribute's value, part of an id, and a name in tables of whoever reads it. */
const ATTRIBUTE_NAME = /^(?!__proto__$)[A-Za-z_][\w.#-]{0,127}$/;
/** Names by which the cluster itself steers nodes and resources. */
const STEERING =
  /^(standby|maintenance|terminate|shutdown|probe_complete|resource-discovery-enabled|(master|promotion|fail-count|last-failure)-.*)$/i;
const ATTRIBUTE_VALUE_LIMIT = 4_096;

function grantedAttributes(
  tell: ContextParts["onAttribute"],
  grants: Grants,
  limits: InstanceLimits,
  guard: Guard,
): Attributes {
  const checked = (name: string): string => {
    if (!ATTRIBUTE_NAME.test(name))
      throw new AgentError("generic", `${JSON.stringify(name)} is no name of an attribute.`);
    if (STEERING.test(name))
      throw new AgentError("privileges", `The attribute ${name} steers the cluster itself; no plugin may set it.`);
    grants.check({ kind: "attributes", name });
    limits.count("attributes");
    limits.countName(name);
    return name;
  };
  return {
    set: guard(async (name, value) => {
      if (value.length > ATTRIBUTE_VALUE_LIMIT)
        throw new AgentError("generic", `The value of ${name} has more than ${ATTRIBUTE_VALUE_LIMIT} characters.`);
      if (plainText(value) !== value)
        throw new AgentError("generic", `The value of ${name} has characters in it that are no text.`);
      tell(checked(name), value);
    }),
    remove: guard(async (name) => tell(checked(name), null)),
  };
}

/**
 * Where a program stands decides what it takes for its files, settings and scripts: so it stands where the operator said, by
 * a parameter, or below what may be read.
 */
async function checkDirectory({ params, grants }: ContextParts, directory = "/"): Promise<void> {
  if (directory === "/" || Object.values(params).flat().includes(directory)) return;
  await checkPath(grants, "read", directory);
}

function grantedDaemon(daemon: Daemon, parts: ContextParts, guard: Guard): Daemon {
  const { grants } = parts;
  return {
    start: guard(async (program, args = [], options = {}) => {
      grants.check({ kind: "daemon", program, args });
      for (const variable of steeringVariables(options.env)) grants.check({ kind: "env", variable });
      await checkDirectory(parts, options.directory);
      if (options.logFile === undefined) return await daemon.start(program, args, options);
      const logFile = await checkPath(grants, "write", options.logFile);
      return await daemon.start(program, args, { ...options, logFile });
    }),
    adopt: guard(() => daemon.adopt()),
    stop: guard((options = {}) => daemon.stop(options)),
  };
}

/** Sees and kills processes with a granted marker only: what may be killed is what `find` has shown to this very call. */
function grantedProcesses(grants: Grants, limits: InstanceLimits, guard: Guard): Processes {
  const shown = new Set<string>();
  const key = ({ pid, startTicks, bootId: boot }: ProcessIdentity): string => `${pid} ${startTicks} ${boot}`;
  return {
    bootId: guard(async () => {
      const boot = bootId();
      if (boot === undefined)
        throw new AgentError("unimplemented", "Processes can be seen on Linux only: there is no /proc here.");
      return boot;
    }),
    find: guard(async (query) => {
      if ("marker" in query) grants.check({ kind: "processes", marker: query.marker });
      const found = await limits.during("processes", () => findProcesses(query));
      if ("marker" in query) for (const identity of found) shown.add(key(identity));
      return found;
    }),
    kill: guard(async (identities) => {
      for (const identity of identities) {
        if (!shown.has(key(identity))) {
          throw new AgentError(
            "generic",
            `Process ${identity.pid} was not found by a granted marker in this call, so it is not killed.`,
          );
        }
        if (identity.pid === process.pid)
          throw new AgentError("generic", "That process is this node itself: a node does not fence itself this way.");
      }
      for (const identity of identities) signalProcess(identity, "SIGKILL");
    }),
  };
}
