// What the node's host asks of the plugin host, and what it hears from it.

import type {
  PluginKind,
  TransportConnection,
  TransportPeer,
  TransportProvides,
  TransportSink,
} from "../../../sdk/mod.ts";
import type { ArbiterCall, ArbiterOutcome } from "../../kernel/messages.ts";
import type {
  AgentCall,
  AgentOutcome,
  AlertCall,
  AlertOutcome,
  DeviceCall,
  DeviceOutcome,
} from "../../services/calls.ts";
import type { SignatureRules } from "./trust/signature.ts";
import type { PluginTrust } from "./trust/types.ts";

/** A line for the node's log; secrets are already blotted out. */
export interface PluginLogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly text: string;
  /** `agents/dummy`, `fence/process-power`, `comms/udp`. */
  readonly plugin?: string;
  /** The resource or fence device for which the plugin was at work. */
  readonly resource?: string;
}

/** Something that belongs into the status: a plugin that cannot be used, a denial, a call that hangs. */
export interface PluginEvent {
  /** plugin: a plugin failed or hangs; denied: a capability was refused. */
  readonly kind: "plugin" | "denied";
  readonly code: string;
  /** One sentence: what, because of what, what to do. */
  readonly text: string;
  readonly severity: "info" | "warning" | "error";
  readonly resource?: string;
}

/** A plugin that runs in a process of its own, by its name. */
export interface PluginReference {
  readonly kind: Exclude<PluginKind, "transport">;
  readonly name: string;
}

/** Which plugin the arbiter is, and its parameters. */
export interface ArbiterSetting {
  readonly plugin: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** How plugins are to be held, as the operator wants it. */
export interface SandboxPolicy {
  /** No plugin runs where there is no Deno. */
  readonly requireSandbox: boolean;
  /** Who plugins run as, when this node runs as root; "nobody" if not given. */
  readonly uid?: number;
  /** Whether to put bubblewrap around plugins where it is installed and works; true if not given. */
  readonly wall?: boolean;
  /** The program of Deno, "none" for a Node child process; if not given, the one that the package `deno` brings. */
  readonly deno?: string;
}

/** How the plugin host is set up. */
export interface PluginHostOptions {
  readonly nodeName: string;
  /** The node's own folder; the plugin host writes below `plugins/` in it. */
  readonly stateDirectory: string;
  /** Plugins besides those of the release: paths of files (`./my-agent.ts`, absolute ones) or names of npm packages. */
  readonly plugins: readonly string[];
  /** Relative paths and package names in `plugins` count from here (the folder of the configuration file). */
  readonly pluginsBase: string;
  /** Folders whose programs may be told of alerts; none, if not given. */
  readonly alertFolders?: readonly string[];
  /** The arbiter that this node's configuration names. */
  readonly arbiter?: ArbiterSetting;
  /** Of Systole, for those programs. */
  readonly version?: string;
  /** Put into the environment of every process that is started here, besides SYSTOLE_NODE, such as SYSTOLE_POWER_DOMAIN. */
  readonly childEnvironment: Readonly<Record<string, string>>;
  readonly sandbox: SandboxPolicy;
  /** Versions of the plugin API that run here; those of this release (trust/api-version.ts) if not given. */
  readonly apis?: readonly number[];
  /** File to which every use of a permission is appended, one JSON line each; none is written without. */
  readonly audit?: string;
  /** What this node asks of the signatures of plugins that the cluster agrees on; nothing, if not given. */
  readonly signatures?: SignatureRules;
  /** The bytes of that digest from another node of the cluster; undefined when no other node gives them. */
  readonly fetchBundle?: (sha512: string) => Promise<Uint8Array | undefined>;
  readonly log: (line: PluginLogLine) => void;
  readonly onEvent: (event: PluginEvent) => void;
  /** A node attribute that an agent sets or (null) takes back: the promotion score `master-RESOURCE`. */
  readonly onAttribute: (name: string, value: string | null) => void;
}

/** One parameter of a plugin, for people. */
export interface ParameterDescription {
  readonly name: string;
  readonly description: string;
  /** string, integer, number, boolean, duration, words, secret, or the allowed values joined by `|`. */
  readonly type: string;
  readonly required: boolean;
  /** As it would be written in the CIB. */
  readonly default?: string;
}

/**
 * How far a plugin is held. Transports run inside the node; everything else in a process of its own: in Deno without any
 * grant, or where there is no Deno, in Node, which holds nothing back.
 */
export type Trust = "in-process, trusted" | "sandboxed" | "not sandboxed";

/** A plugin that was found, usable or not. */
export interface PluginDescription {
  readonly kind: PluginKind | "unknown";
  readonly name: string;
  /** What it is called: `ocf:systole:dummy`, `stonith:systole:dummy`, `systole:webhook`; a transport by its name. */
  readonly reference: string;
  readonly summary: string;
  /** Where it comes from: a path. */
  readonly file: string;
  /** bundled: of the release; configured: named by this node's configuration; agreed: by the cluster, by its digest. */
  readonly origin: "bundled" | "configured" | "agreed";
  readonly trust: Trust;
  readonly api?: number;
  readonly verbs: readonly string[];
  readonly parameters: readonly ParameterDescription[];
  readonly permissions: Readonly<Record<string, readonly string[]>>;
  readonly timeouts: Readonly<Record<string, string>>;
  /** Why it cannot be used, if so. */
  readonly problem?: { readonly code: string; readonly text: string };
}

/** A plugin that is used here, and whether its process is there. */
export interface UsedPlugin {
  /** `ocf:systole:dummy`, `stonith:systole:dummy`. */
  readonly plugin: string;
  /** starting: for the first time or again; refused: it cannot be used, see `problem`. */
  readonly state: "running" | "starting" | "refused";
  /** Why it is refused, in sentences. */
  readonly problem?: string;
}

/** How the plugins of this node are held, and how those that are used are. */
export interface PluginsStanding {
  /** refused: no plugin is started, because nothing could hold it and `requireSandbox` is set. */
  readonly confinement: "sandboxed" | "not sandboxed" | "refused";
  /** What their processes are: "Deno, user 65534, bubblewrap"; in words why there are none. */
  readonly held: string;
  /** By reference. */
  readonly used: readonly UsedPlugin[];
}

/** A call under way; or one that was aborted and answered while the plugin has still not come back. */
export interface CallInFlight {
  readonly kind: "agent" | "device" | "alert" | "arbiter";
  readonly id: number;
  /** Id of the resource, device, or recipient of alerts. */
  readonly subject: string;
  /** `ocf:systole:process`, `systole:process-power`, `systole:webhook`, the path of a program that is told of alerts. */
  readonly plugin: string;
  readonly verb: string;
  readonly ageMs: number;
  readonly timeoutMs: number;
  /** Aborted and answered, but the plugin has not come back: it hangs. */
  readonly overdue: boolean;
}

/** Performs single calls of agents, fence devices and alert sinks, and reports exactly one outcome for each. */
export interface PluginHost {
  /** Never rejects. */
  callAgent(call: AgentCall): Promise<AgentOutcome>;
  /** The outcome of the call comes at once, as "unknown"; an id that is not under way is ignored. */
  abortAgent(id: number, why: string): void;
  /** Never rejects. */
  callDevice(call: DeviceCall): Promise<DeviceOutcome>;
  /** The outcome of the call comes at once, as an error; an id that is not under way is ignored. */
  abortDevice(id: number, why: string): void;
  /** Never rejects. */
  callAlert(call: AlertCall): Promise<AlertOutcome>;
  /** The outcome of the call comes at once, as an error; an id that is not under way is ignored. */
  abortAlert(id: number, why: string): void;
  /** Asks the arbiter. Never rejects. */
  callArbiter(call: ArbiterCall, timeoutMs: number): Promise<ArbiterOutcome>;
  /** Every plugin that was found, sorted by kind and name; loads them, so as to tell what is wrong. */
  list(): Promise<readonly PluginDescription[]>;
  /** By `ocf:systole:NAME` (agents), `stonith:systole:NAME` (fence devices), `systole:NAME` (those and alert sinks), or plain NAME (all kinds); empty if there is none. */
  describe(name: string): Promise<readonly PluginDescription[]>;
  /** Starts the processes of these plugins, if they do not run: when one is needed, it may be in the midst of a failover. */
  keepReady(used: readonly PluginReference[]): void;
  inFlight(): readonly CallInFlight[];
  /** For the status: how plugins are held here, and which of those in use run. */
  standing(): PluginsStanding;
  /** The plugins that the cluster agrees on. */
  readonly trust: PluginTrust;
  /** Aborts what is under way. Daemons stay (a planned restart adopts them), unless told otherwise. */
  close(options?: { readonly stopDaemons?: boolean }): Promise<void>;
}

/** What it takes to open a transport (`openTransport` in transports.ts); it runs in the pulse's thread. */
export interface OpenTransportOptions {
  /** Name of the transport: `udp`. */
  readonly name: string;
  /** Its settings from the node's configuration: JSON values, validated against the transport's schema here. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly self: TransportPeer;
  readonly peers: readonly TransportPeer[];
  readonly sink: TransportSink;
  readonly plugins: readonly string[];
  readonly pluginsBase: string;
  readonly stateDirectory: string;
  readonly log: (line: PluginLogLine) => void;
  /** Fires when the node goes down. */
  readonly signal: AbortSignal;
}

/** An open transport and what it promises. */
export interface OpenedTransport {
  readonly connection: TransportConnection;
  readonly provides: TransportProvides;
}
