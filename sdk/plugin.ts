// The brand that every define* function puts on a plugin, so that the loader can look at `kind` and `api` before it
// touches the rest.

/** Version of the contract between plugins and host. A plugin carries the one that it was built with. */
export const API_VERSION = 1;

/** The kinds of plugin. */
export type PluginKind = "resource-agent" | "fence-device" | "alert" | "arbiter" | "transport";

/** A plugin as data: what kind it is, which version of the contract it speaks, and what its author wrote. */
export interface Plugin<Kind extends PluginKind = PluginKind, Spec = unknown> {
  readonly kind: Kind;
  readonly api: number;
  readonly spec: Spec;
}

/** Puts kind and API version on a specification. */
export function brand<Kind extends PluginKind, Spec>(kind: Kind, spec: Spec): Plugin<Kind, Spec> {
  return { kind, api: API_VERSION, spec };
}
