// The contract of an arbiter: a register at a third place, which both halves of a cluster can ask when they cannot hear one another.
//
// The cluster decides what it writes and what that means. An arbiter keeps one text, and replaces it if it is still the one that was
// read. Everything depends on that "if" being decided at one place, in one step, and on what was replaced being durable when it is
// answered: a server that forgets after a loss of power, keeps copies that differ, or does not compare, is no arbiter.

import type { Static, TObject } from "typebox";
import type { Context } from "./context.ts";
import type { Permissions } from "./permissions.ts";
import { brand, type Plugin } from "./plugin.ts";

/** What stands in the register. */
export interface RegisterContent {
  /** As it was written, to the last character. */
  readonly text: string;
  /** Names this content: another one after each replacement, never one that there was before. At most 1,024 characters. */
  readonly tag: string;
}

/** What is to stand in the register. */
export interface RegisterReplacement {
  readonly text: string;
  /** Only if this content still stands there; without it: only if nothing does. */
  readonly expectedTag?: string;
}

/** What an author writes. */
export interface ArbiterSpec<Schema extends TObject = TObject, P extends Permissions = Permissions> {
  /** Also the name of the file; lower case, digits and hyphens. What `quorum.arbiter.plugin` in the nodes' configuration says. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** `quorum.arbiter.parameters` in the nodes' configuration: validated, defaults filled in, shown by `systole plugin describe`. */
  readonly parameters: Schema;
  readonly permissions?: P;
  /** Memory of the plugin's process; 128 if not given. With more it is ended and started again. */
  readonly memoryLimitMiB?: number;
  /** For people; the cluster gives a call of a half that waits 1.5 s, others 5 s. */
  readonly timeouts?: Partial<Record<"read" | "replace", string>>;
  /** What stands there now; undefined when nothing does, and only then. Rejects when in doubt. */
  read(ctx: Context<Static<Schema>, P>): Promise<RegisterContent | undefined>;
  /**
   * "replaced": it is done, and durable. "conflict": something else stands there, and nothing was done, nor will be. Rejects in every
   * other case; the cluster then takes it for perhaps done, and reads.
   */
  replace(wanted: RegisterReplacement, ctx: Context<Static<Schema>, P>): Promise<"replaced" | "conflict">;
}

/** Defines an arbiter: checks nothing, runs nothing, returns data. Export it by default from a file of the same name. */
export function defineArbiter<Schema extends TObject, const P extends Permissions = Record<never, never>>(
  spec: ArbiterSpec<Schema, P>,
): Plugin<"arbiter", ArbiterSpec<Schema, P>> {
  return brand("arbiter", spec);
}
