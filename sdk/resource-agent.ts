// The contract of a resource agent: how one kind of service is observed, started and stopped on this node.

import type { Static, TObject } from "typebox";
import type { Context } from "./context.ts";
import type { Permissions } from "./permissions.ts";
import { brand, type Plugin } from "./plugin.ts";

/**
 * What `monitor` sees: three answers, not two. `stopped` means cleanly stopped, with nothing left behind; a service that
 * runs half, or badly, has `failed`, with one sentence that says how. `promoted` is running in the promoted role.
 */
export type ResourceState = "running" | "promoted" | "stopped" | { readonly failed: string };

/** What can be given a default deadline. */
export type AgentTimeouts = Partial<
  Record<"monitor" | "start" | "stop" | "promote" | "demote" | "notify" | "reload" | "migrate", string>
>;

/** What a notification says (`notify`): before or after something happens to instances of the same clone. */
export interface Notification {
  readonly type: "pre" | "post";
  readonly operation: "start" | "stop" | "promote" | "demote";
  /** Everything that the cluster says with it, under Pacemaker's names (`notify_start_uname`, ...). */
  readonly meta: Readonly<Record<string, string>>;
}

/**
 * What an author writes. Every function obeys `ctx.signal` (the capabilities do so by themselves), and may be called again
 * when its work is already done: starting what runs and stopping what is stopped are successes.
 */
export interface ResourceAgentSpec<Schema extends TObject = TObject, P extends Permissions = Permissions> {
  /** Also the name of the file; lower case, digits and hyphens. The resource's type in the CIB: `ocf:systole:NAME`. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Instance parameters: validated, defaults filled in, shown by `systole plugin describe`. */
  readonly parameters: Schema;
  readonly permissions?: P;
  /** Memory of the plugin's process, all instances together; 128 if not given. With more it is ended and started again. */
  readonly memoryLimitMiB?: number;
  /** Deadlines to suggest to configuration tools, such as "20s"; the operation's own timeout in the CIB counts. */
  readonly timeouts?: AgentTimeouts;
  /** Observes, and changes nothing. Called on every node, also where the software is missing: `stopped` there. */
  monitor(ctx: Context<Static<Schema>, P>): Promise<ResourceState>;
  /** Resolves when the service works. A promotable service ends unpromoted. */
  start(ctx: Context<Static<Schema>, P>): Promise<void>;
  /** Resolves when nothing of it is left, by force if need be. If this rejects or is late, the node is fenced. */
  stop(ctx: Context<Static<Schema>, P>): Promise<void>;
  /** For services with a promoted role. */
  readonly promotion?: {
    promote(ctx: Context<Static<Schema>, P>): Promise<void>;
    /** Leads to running, unpromoted. */
    demote(ctx: Context<Static<Schema>, P>): Promise<void>;
  };
  /** For services that move without a stop: `to` on the source, then `from` on the target, then `stop` on the source. */
  readonly migration?: {
    to(ctx: Context<Static<Schema>, P>, target: string): Promise<void>;
    from(ctx: Context<Static<Schema>, P>, source: string): Promise<void>;
  };
  /** Takes changed parameters without a restart. */
  reload?(ctx: Context<Static<Schema>, P>): Promise<void>;
  /** Told before and after instances of the clone change; a failure is ignored. */
  notify?(ctx: Context<Static<Schema>, P>, notification: Notification): Promise<void>;
}

/** Defines a resource agent: checks nothing, runs nothing, returns data. Export it by default from a file of the same name. */
export function defineResourceAgent<Schema extends TObject, const P extends Permissions = Record<never, never>>(
  spec: ResourceAgentSpec<Schema, P>,
): Plugin<"resource-agent", ResourceAgentSpec<Schema, P>> {
  return brand("resource-agent", spec);
}
