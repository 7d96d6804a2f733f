// The contract of a fence device: how the power of a node is read and switched.
//
// The cluster believes only what was read: it calls `setPower` off and then `power` until that says "off" or the deadline
// has passed. So a device can fail, but it cannot claim a kill that it did not see.

import type { Static, TObject } from "typebox";
import type { Context } from "./context.ts";
import type { Permissions } from "./permissions.ts";
import { brand, type Plugin } from "./plugin.ts";

/** What a device reads. "unknown" is honest; a guessed "off" corrupts data. */
export type Power = "on" | "off" | "unknown";

/**
 * What an author writes. Every function may be called again when its work is already done. `target` is the victim as the
 * device knows it: what `pcmk_host_map` says for the node, else the node's name.
 */
export interface FenceDeviceSpec<Schema extends TObject = TObject, P extends Permissions = Permissions> {
  /** Also the name of the file; lower case, digits and hyphens. The type in the CIB: `stonith` with type `systole:NAME`. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Instance parameters: validated, defaults filled in, shown by `systole plugin describe`. `pcmk_*` belong to the host. */
  readonly parameters: Schema;
  readonly permissions?: P;
  /** Memory of the plugin's process, all instances together; 128 if not given. With more it is ended and started again. */
  readonly memoryLimitMiB?: number;
  /** Deadlines to suggest, such as "5s". */
  readonly timeouts?: Partial<Record<"power" | "setPower" | "check", string>>;
  /** Reads the power and changes nothing. Rejects or says "unknown" when in doubt. */
  power(target: string, ctx: Context<Static<Schema>, P>): Promise<Power>;
  /** Switches. May return before the power is gone: the host reads it. Rejects with AgentError `unimplemented` for what the device cannot do. */
  setPower(target: string, want: "on" | "off", ctx: Context<Static<Schema>, P>): Promise<void>;
  /** Whether the device itself answers; rejects if not. Without it, a device counts as answering. */
  check?(ctx: Context<Static<Schema>, P>): Promise<void>;
}

/** Defines a fence device: checks nothing, runs nothing, returns data. Export it by default from a file of the same name. */
export function defineFenceDevice<Schema extends TObject, const P extends Permissions = Record<never, never>>(
  spec: FenceDeviceSpec<Schema, P>,
): Plugin<"fence-device", FenceDeviceSpec<Schema, P>> {
  return brand("fence-device", spec);
}
