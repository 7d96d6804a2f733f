// What a plugin can do: the capabilities of `ctx`, each there only when declared (see permissions.ts).
//
// Every capability is an asynchronous call with plain data in and out, performed by the host after one grant check; so the
// plugin may just as well live in another process. All of them obey the call's deadline by themselves: once `ctx.signal`
// has fired they reject, and what they had started is ended.

import type { Permissions } from "./permissions.ts";

/** A process that cannot be mistaken for another: a pid alone can be used again, with start time and boot id it cannot. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks between boot and the process's start (field 22 of /proc/PID/stat). */
  readonly startTicks: number;
  /** /proc/sys/kernel/random/boot_id at that time. */
  readonly bootId: string;
}

/** How a command ended. */
export interface RunResult {
  /** Exit code; -1 when it was ended by a signal. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a command. */
export interface RunOptions {
  /** Variables besides those of the host, such as passwords, which never belong into arguments. */
  readonly env?: Readonly<Record<string, string>>;
  /** Written to the command's standard input. */
  readonly input?: string;
  /** Working directory: the value of a parameter, or a folder that `permissions.read` has; `/` if not given. */
  readonly directory?: string;
  /** Resolve whatever the exit code is. Otherwise a code other than 0 rejects with an AgentError that quotes stderr. */
  readonly allowFailure?: boolean;
}

/**
 * Runs a command without a shell, in a process group of its own, and waits for its end.
 * Rejects with AgentError: `not-installed` (no such program), `privileges` (not executable), `generic` (exit code other
 * than 0 without allowFailure, more than 1 MiB of output), `denied`.
 */
export type Run = (program: string, args?: readonly string[], options?: RunOptions) => Promise<RunResult>;

/** How to start a daemon. */
export interface DaemonOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory: the value of a parameter, or a folder that `permissions.read` has; `/` if not given. */
  readonly directory?: string;
  /** File for stdout and stderr, appended to; without it the host keeps the last part in the node's state directory. */
  readonly logFile?: string;
}

/** How to stop a daemon. */
export interface DaemonStop {
  /** Sent to the whole process group first. Default SIGTERM. */
  readonly signal?: string;
  /** After this many milliseconds, SIGKILL. Default 5,000; 0 kills at once. */
  readonly graceMs?: number;
}

/** What is known of a daemon. */
export interface DaemonState {
  /** The process, if it lives; a zombie does not. */
  readonly identity?: ProcessIdentity;
  /** Processes that the daemon left behind when it ended: still of its group or carrying its marker. */
  readonly leftBehind: readonly number[];
  /** When there is no identity: how it ended as far as the host knows, with the last lines that it printed. */
  readonly ended?: string;
}

/**
 * A long-lived process of this instance (one at most), started by the host in a process group and session of its own.
 * It survives a planned restart of Systole; its identity is kept in the instance's state and proven against the live process.
 */
export interface Daemon {
  /** Starts it, or returns the one that lives already. Rejects like `run`; returns before the program is ready for work. */
  start(program: string, args?: readonly string[], options?: DaemonOptions): Promise<ProcessIdentity>;
  /** Finds the recorded daemon again, whoever started it. Cheap: one read below /proc while it lives. */
  adopt(): Promise<DaemonState>;
  /** Ends it and everything it left behind. Resolves when all of it is gone, also when there was nothing. */
  stop(options?: DaemonStop): Promise<void>;
}

/** How a server proves who it is, where that is not by a certificate that this machine trusts anyway. */
export interface TlsOptions {
  /** Certificate authorities in PEM that are trusted instead of this machine's. */
  readonly ca?: string;
  /** SHA-256 of the server's certificate in hexadecimal (as `openssl x509 -fingerprint -sha256` prints it): this one, whoever signed it. */
  readonly pinSha256?: string;
}

/** A request over HTTP. */
export interface FetchOptions {
  /** Default GET. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Shorter than the call's own deadline, if wanted; milliseconds. */
  readonly timeoutMs?: number;
  readonly tls?: TlsOptions;
}

/** An answer over HTTP, whole. Redirects are not followed: their status and `location` are the answer. */
export interface FetchResult {
  readonly status: number;
  /** Names in lower case; several values are joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** Asks over HTTP or HTTPS. Rejects with AgentError `generic` (unreachable, more than 1 MiB, broken), `denied`. */
export type Fetch = (url: string, options?: FetchOptions) => Promise<FetchResult>;

/** Files that may be read. A missing file is `undefined`; everything else that is wrong rejects with AgentError. */
export interface ReadFiles {
  /** The file as UTF-8 text, at most 1 MiB. */
  readText(path: string): Promise<string | undefined>;
}

/** Files that may be written. */
export interface WriteFiles {
  /** Replaces the file whole, atomically, with mode 0600. */
  writeText(path: string, text: string): Promise<void>;
  /** Removes the file; a missing one is no error. */
  remove(path: string): Promise<void>;
}

/** Which processes are meant. */
export type ProcessQuery =
  /** Those whose environment has `NAME=value`, and their descendants (unless these carry another value of NAME). */
  | { readonly marker: string }
  /** Those that are still what they were. */
  | { readonly identities: readonly ProcessIdentity[] };

/** Processes of this machine. */
export interface Processes {
  /**
   * Those that live now, by pid; zombies do not live. A look takes a few milliseconds, and a process that forks and ends
   * meanwhile can hide its child from it: look twice before you conclude that nothing is left.
   */
  find(query: ProcessQuery): Promise<readonly ProcessIdentity[]>;
  /** SIGKILL to each that is still the same process (never to a reused pid). Gone already is no error. */
  kill(identities: readonly ProcessIdentity[]): Promise<void>;
  /** This machine's boot id: two nodes that read the same one are on the same machine. */
  bootId(): Promise<string>;
}

/** A bound UDP socket. */
export interface UdpSocket {
  /** The port that it got. */
  readonly port: number;
  /** Returns at once; loss is legal, and an error is a line in the log. */
  send(bytes: Uint8Array, address: string, port: number): void;
  /** May be called twice. */
  close(): Promise<void>;
}

/** UDP. */
export interface Udp {
  /** Binds (address: IPv4 or IPv6, port 0: any). Rejects with AgentError `generic` naming address and reason; `denied`. */
  bind(
    local: { readonly address: string; readonly port: number },
    receive: (bytes: Uint8Array, address: string, port: number) => void,
  ): Promise<UdpSocket>;
}

/** Whom to connect to. */
export interface TcpPeer {
  /** Name or address. A name leads to this machine or its link only when that address is granted as well. */
  readonly host: string;
  readonly port: number;
  /** With it (an empty object will do) the connection is TLS. */
  readonly tls?: TlsOptions;
}

/** A connection. It is closed when the call ends. */
export interface TcpSocket {
  /** What has come, as soon as there is something; undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when the system has taken it. */
  write(bytes: Uint8Array): Promise<void>;
  /** May be called twice. */
  close(): Promise<void>;
}

/** TCP. */
export interface Tcp {
  /** Rejects with AgentError `generic` (unreachable, wrong certificate), `denied`. */
  connect(peer: TcpPeer): Promise<TcpSocket>;
}

/** Attributes of this node in the cluster, for rules and for people; they last until the node leaves. */
export interface Attributes {
  set(name: string, value: string): Promise<void>;
  remove(name: string): Promise<void>;
}

/** Ciphers of old devices that a plugin's own `node:crypto` does not have. */
export type Cipher = "des-cbc" | "aes-128-cfb" | "aes-192-cfb" | "aes-256-cfb";

/** What `node:crypto` lacks in the sandbox. Nothing is padded. Rejects with AgentError `generic`: wrong lengths. */
export interface HostCrypto {
  encrypt(cipher: Cipher, key: Uint8Array, iv: Uint8Array, bytes: Uint8Array): Promise<Uint8Array>;
  decrypt(cipher: Cipher, key: Uint8Array, iv: Uint8Array, bytes: Uint8Array): Promise<Uint8Array>;
}

/** A small store of this instance on this node: it survives restarts of Systole, not the loss of the node's state directory. */
export interface State {
  get(key: string): Promise<string | undefined>;
  /** All values of an instance together hold at most 64 KiB. */
  set(key: string, value: string): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Lines for the node's log, marked with plugin and instance. Secrets are blotted out. */
export interface Log {
  debug(text: string): void;
  info(text: string): void;
  warn(text: string): void;
  error(text: string): void;
}

/** What every call has. */
export interface BaseContext<Parameters> {
  /** Validated parameters, defaults filled in. */
  readonly params: Parameters;
  /** Name of the node on which the plugin runs. */
  readonly node: string;
  /** Id of the resource (of a clone's instance with its number, `db:0`) or of the fence device. */
  readonly resource: string;
  /** Fires at the call's deadline, or when the call is no longer wanted. */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly state: State;
  readonly crypto: HostCrypto;
  /** Resolves after `ms` milliseconds; rejects when the signal fires. */
  sleep(ms: number): Promise<void>;
}

type Has<P, Kind extends keyof Permissions> = P extends { readonly [K in Kind]: NonNullable<Permissions[Kind]> }
  ? true
  : false;
type If<Condition, Members> = Condition extends true ? Members : unknown;

/** The capabilities that these permissions give. */
export type Capabilities<P> = If<Has<P, "run">, { readonly run: Run }> &
  If<Has<P, "daemon">, { readonly daemon: Daemon }> &
  If<Has<P, "net">, { readonly fetch: Fetch; readonly udp: Udp; readonly tcp: Tcp }> &
  If<Has<P, "read">, { readonly fs: ReadFiles }> &
  If<Has<P, "write">, { readonly fs: WriteFiles }> &
  If<Has<P, "attributes">, { readonly attributes: Attributes }> &
  If<Has<P, "processes">, { readonly processes: Processes }> &
  If<
    Has<P, "promotionScore">,
    {
      /**
       * How well suited this node is for promotion (-1,000,000 to 1,000,000; above 0 allows it; `undefined` takes it back).
       * Becomes the node attribute `master-RESOURCE`. The host takes it back by itself after a stop.
       */
      readonly promotionScore: (score: number | undefined) => Promise<void>;
    }
  >;

/** What a plugin's functions receive: parameters, deadline, log, state, and what was declared. */
export type Context<Parameters, P> = BaseContext<Parameters> & Capabilities<P>;
