// A scripted world for plugins: every capability of `ctx` without a machine behind it, and a clock that jumps.
//
// Nothing waits: `ctx.sleep` moves the clock and goes on, and when the clock passes the deadline, `ctx.signal` fires.

import type {
  Attributes,
  BaseContext,
  Capabilities,
  DaemonState,
  FetchOptions,
  FetchResult,
  Log,
  ProcessIdentity,
  ProcessQuery,
  RunOptions,
  RunResult,
  State,
  Tcp,
  Udp,
} from "../context.ts";
import { AgentError } from "../errors.ts";
import type { Permissions } from "../permissions.ts";

/** What a scripted command answers; what is left out is success and empty. */
export type ScriptedRun = (args: readonly string[], options: RunOptions) => Partial<RunResult>;
/** What a scripted URL answers; what is left out is 200 and empty. Throw for a server that cannot be reached. */
export type ScriptedFetch = (options: FetchOptions) => Partial<FetchResult>;

/** A process of the scripted machine. */
export interface FakeProcess {
  readonly identity: ProcessIdentity;
  readonly environment: Readonly<Record<string, string>>;
}

/** How the world is at first. */
export interface FakeWorldOptions {
  readonly node?: string;
  readonly resource?: string;
  /** Commands by program; a program that is not here is not installed. */
  readonly commands?: Readonly<Record<string, ScriptedRun>>;
  /** Answers by URL; any other cannot be reached. */
  readonly urls?: Readonly<Record<string, ScriptedFetch>>;
  /** What hears bytes, by `ADDRESS:PORT/tcp` or `/udp`; any other cannot be reached. It says nothing. */
  readonly endpoints?: Readonly<Record<string, (bytes: Uint8Array) => void>>;
  /** Files by path. */
  readonly files?: Readonly<Record<string, string>>;
  readonly processes?: readonly FakeProcess[];
  /** Programs that can be started as daemons; all, if not given. */
  readonly programs?: readonly string[];
  /** Virtual time until the deadline of each call. Default one minute. */
  readonly timeoutMs?: number;
  /** Nothing can be reached, read or started: everything rejects. */
  readonly dead?: boolean;
}

/** A context with every capability there is, whatever the plugin declares. */
export type FakeContext<Parameters> = BaseContext<Parameters> & Capabilities<Required<Permissions>>;

/** The scripted world and what happened in it. */
export interface FakeWorld {
  /** The context of one call, with every capability there is. */
  context<Parameters>(params: Parameters, options?: { readonly aborted?: boolean }): FakeContext<Parameters>;
  /** Virtual milliseconds since the beginning. */
  nowMs(): number;
  /** Commands that were run, as one line each. */
  readonly commands: string[];
  /** Lines that were logged, as `LEVEL text`. */
  readonly logged: string[];
  readonly files: Map<string, string>;
  /** Node attributes that are set. */
  readonly attributes: Map<string, string>;
  /** Promotion scores that were set, in order. */
  readonly promotionScores: (number | undefined)[];
  /** The daemon that lives, with what it was started with. */
  daemon(): { readonly program: string; readonly args: readonly string[] } | undefined;
  /** The daemon ends by itself. */
  endDaemon(how: string, leftBehind?: readonly number[]): void;
}

const BOOT_ID = "00000000-0000-4000-8000-000000000000";
const DEFAULT_TIMEOUT_MS = 60_000;
/** What a socket gets that asks for any port. */
const FAKE_PORT = 49_152;

function deadWorld(): never {
  throw new AgentError("generic", "Nothing can be reached (a dead world).");
}

interface Surroundings {
  readonly options: FakeWorldOptions;
  readonly world: FakeWorld;
  readonly daemon: FakeDaemon;
  readonly processes: FakeProcess[];
  readonly record: Map<string, string>;
  /** Throws when the call is over or the world is dead; else lets one turn pass, as every real capability does. */
  readonly guard: () => Promise<void>;
}

/** The one daemon of the instance. */
interface FakeDaemon {
  living:
    | { readonly program: string; readonly args: readonly string[]; readonly identity: ProcessIdentity }
    | undefined;
  ended: string | undefined;
  leftBehind: readonly number[];
  started: number;
}

function fakeRun({ options, world, guard }: Surroundings) {
  return async (program: string, args: readonly string[] = [], how: RunOptions = {}): Promise<RunResult> => {
    await guard();
    world.commands.push([program, ...args].join(" "));
    const command = options.commands?.[program];
    if (command === undefined)
      throw new AgentError("not-installed", `The program ${program} is not installed on this node.`);
    const result = { code: 0, stdout: "", stderr: "", ...command(args, how) };
    if (result.code !== 0 && how.allowFailure !== true)
      throw new AgentError("generic", `${program} failed with exit code ${result.code}: ${result.stderr}`);
    return result;
  };
}

function fakeFetch({ options, guard }: Surroundings) {
  return async (url: string, how: FetchOptions = {}): Promise<FetchResult> => {
    await guard();
    const answer = options.urls?.[url];
    if (answer === undefined) throw new AgentError("generic", `${url} cannot be reached (ECONNREFUSED).`);
    return { status: 200, headers: {}, text: "", ...answer(how) };
  };
}

function fakeUdp({ options, guard }: Surroundings): Udp {
  return {
    async bind({ port }) {
      await guard();
      return {
        port: port === 0 ? FAKE_PORT : port,
        send: (bytes, address, to) => options.endpoints?.[`${address}:${to}/udp`]?.(bytes),
        close: async () => undefined,
      };
    },
  };
}

function fakeTcp({ options, guard }: Surroundings): Tcp {
  return {
    async connect({ host, port }) {
      await guard();
      const hear = options.endpoints?.[`${host}:${port}/tcp`];
      if (hear === undefined) throw new AgentError("generic", `${host}:${port} cannot be reached (ECONNREFUSED).`);
      return {
        async read() {
          await guard();
          return undefined;
        },
        async write(bytes) {
          await guard();
          hear(bytes);
        },
        close: async () => undefined,
      };
    },
  };
}

function fakeDaemon({ options, daemon, guard }: Surroundings) {
  return {
    async start(program: string, args: readonly string[] = []): Promise<ProcessIdentity> {
      await guard();
      if (daemon.living !== undefined) return daemon.living.identity;
      if (daemon.leftBehind.length > 0)
        throw new AgentError("generic", `Pids ${daemon.leftBehind.join(", ")} are left behind.`);
      if (options.programs?.includes(program) === false)
        throw new AgentError("not-installed", `The program ${program} is not installed on this node.`);
      daemon.started += 1;
      daemon.living = {
        program,
        args,
        identity: { pid: 1_000 + daemon.started, startTicks: daemon.started, bootId: BOOT_ID },
      };
      daemon.ended = undefined;
      return daemon.living.identity;
    },
    async adopt(): Promise<DaemonState> {
      await guard();
      if (daemon.living !== undefined) return { identity: daemon.living.identity, leftBehind: [] };
      return { leftBehind: daemon.leftBehind, ...(daemon.ended === undefined ? {} : { ended: daemon.ended }) };
    },
    async stop(): Promise<void> {
      await guard();
      Object.assign(daemon, { living: undefined, ended: undefined, leftBehind: [] });
    },
  };
}

function fakeFiles({ world, guard }: Surroundings) {
  return {
    async readText(path: string): Promise<string | undefined> {
      await guard();
      return world.files.get(path);
    },
    async writeText(path: string, text: string): Promise<void> {
      await guard();
      world.files.set(path, text);
    },
    async remove(path: string): Promise<void> {
      await guard();
      world.files.delete(path);
    },
  };
}

function fakeProcesses({ processes, guard }: Surroundings) {
  const same = (a: ProcessIdentity, b: ProcessIdentity): boolean => a.pid === b.pid && a.startTicks === b.startTicks;
  return {
    async bootId(): Promise<string> {
      await guard();
      return BOOT_ID;
    },
    async find(query: ProcessQuery): Promise<readonly ProcessIdentity[]> {
      await guard();
      if ("identities" in query)
        return query.identities.filter((wanted) => processes.some(({ identity }) => same(identity, wanted)));
      const [name = "", ...value] = query.marker.split("=");
      return processes
        .filter(({ environment }) => environment[name] === value.join("="))
        .map(({ identity }) => identity);
    },
    async kill(identities: readonly ProcessIdentity[]): Promise<void> {
      await guard();
      const kept = processes.filter(({ identity }) => !identities.some((wanted) => same(identity, wanted)));
      processes.splice(0, processes.length, ...kept);
    },
  };
}

function fakeAttributes({ world, guard }: Surroundings): Attributes {
  return {
    async set(name, value) {
      await guard();
      world.attributes.set(name, value);
    },
    async remove(name) {
      await guard();
      world.attributes.delete(name);
    },
  };
}

function fakeState({ record, guard }: Surroundings): State {
  return {
    async get(key) {
      await guard();
      return record.get(key);
    },
    async set(key, value) {
      await guard();
      record.set(key, value);
    },
    async remove(key) {
      await guard();
      record.delete(key);
    },
  };
}

function fakeLog(lines: string[]): Log {
  const at = (level: string) => (text: string) => void lines.push(`${level} ${text}`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** Makes a world. One world is one node's instance: what its calls do adds up. */
export function createFakeWorld(options: FakeWorldOptions = {}): FakeWorld {
  const daemon: FakeDaemon = { living: undefined, ended: undefined, leftBehind: [], started: 0 };
  const record = new Map<string, string>();
  const processes = [...(options.processes ?? [])];
  let clockMs = 0;
  const context = <Parameters>(params: Parameters, { aborted = false } = {}): FakeContext<Parameters> => {
    const controller = new AbortController();
    const deadlineMs = clockMs + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    if (aborted) controller.abort(new Error("The call was aborted."));
    const guard = async (): Promise<void> => {
      controller.signal.throwIfAborted();
      await Promise.resolve();
      if (options.dead === true) deadWorld();
    };
    const around: Surroundings = { options, world, daemon, processes, record, guard };
    const capabilities = {
      run: fakeRun(around),
      fetch: fakeFetch(around),
      daemon: fakeDaemon(around),
      fs: fakeFiles(around),
      processes: fakeProcesses(around),
      udp: fakeUdp(around),
      tcp: fakeTcp(around),
      attributes: fakeAttributes(around),
      promotionScore: async (score: number | undefined): Promise<void> => {
        await guard();
        world.promotionScores.push(score);
      },
    };
    return {
      params,
      node: options.node ?? "node1",
      resource: options.resource ?? "resource1",
      signal: controller.signal,
      log: fakeLog(world.logged),
      state: fakeState(around),
      crypto: { encrypt: async () => deadWorld(), decrypt: async () => deadWorld() },
      async sleep(ms) {
        controller.signal.throwIfAborted();
        await Promise.resolve();
        clockMs += Math.max(0, ms);
        if (clockMs >= deadlineMs) controller.abort(new Error("The deadline has passed."));
        controller.signal.throwIfAborted();
      },
      ...capabilities,
    };
  };
  const world: FakeWorld = {
    context,
    nowMs: () => clockMs,
    commands: [],
    logged: [],
    files: new Map(Object.entries(options.files ?? {})),
    attributes: new Map(),
    promotionScores: [],
    daemon: () => daemon.living,
    endDaemon(how, leftBehind = []) {
      Object.assign(daemon, { living: undefined, ended: how, leftBehind });
    },
  };
  return world;
}
