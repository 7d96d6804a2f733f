// Permissions are data in the manifest and types in the context: what a plugin declares is what its `ctx` has.
// Without `run` in `permissions`, `ctx.run` does not compile; at run time the same data is shown to the admin and each
// call is checked against it, with placeholders filled from the instance's parameters.

/**
 * What a plugin asks for. Each entry is a pattern; `{name}` stands for the parameter of that name (a list parameter makes
 * one pattern for each of its values; an unset parameter makes none), `*` for anything within one place.
 *
 * Built-in placeholders: `{node}` (name of the node that runs the plugin), `{resource}` (id of the resource); for a
 * transport also `{self}` and `{peers}` (the configured addresses).
 */
export interface Permissions {
  /**
   * Commands for `ctx.run`: a program's name or path, alone (any arguments) or with argument patterns, one word each:
   * `"ip"`, `"systemctl is-active {unit}"`, `"ping -c 1 *"`. A last word `...` allows any further arguments.
   * A `*` stands for no option (`-x` has to be written so) and leads no way back (`..`).
   */
  readonly run?: readonly string[];
  /** Programs for `ctx.daemon`, in the form of `run`. */
  readonly daemon?: readonly string[];
  /**
   * Variables that `ctx.run` and `ctx.daemon` may set although they decide which code a program runs (PATH, LD_PRELOAD, BASH_ENV,
   * PYTHONPATH, ...), as `NAME=value`: `"{environment}"`, `"PATH=/opt/tool/bin"`. Other variables need no permission.
   */
  readonly env?: readonly string[];
  /**
   * Peers for `ctx.fetch`, `ctx.udp` and `ctx.tcp`: `"{address}:{port}/udp"`, `"{host}:443/tcp"`, or a URL, which grants its origin
   * and its path: `"{readyUrl}"`, `"https://{address}/redfish/v1/*"`.
   */
  readonly net?: readonly string[];
  /** Files for reading by `ctx.fs`: absolute paths; `*` within one folder, `/**` at the end for everything below. */
  readonly read?: readonly string[];
  /** Files for writing and removing by `ctx.fs`, in the form of `read`. Writing does not include reading. */
  readonly write?: readonly string[];
  /** Names of node attributes that `ctx.attributes` may set: `"ping-{resource}"`, `"disk-*"`. */
  readonly attributes?: readonly string[];
  /** Processes that `ctx.processes` may see and kill, by an environment marker: `"{marker}={value}"`, `"POWER_DOMAIN=*"`. */
  readonly processes?: readonly string[];
  /** The agent says how well suited this node is for promotion, by `ctx.promotionScore`. */
  readonly promotionScore?: true;
}

/** The kinds of permission, in the order in which they are shown. */
export const PERMISSION_KINDS = ["run", "daemon", "env", "net", "read", "write", "attributes", "processes"] as const;

/** A kind of permission that has patterns. */
export type PermissionKind = (typeof PERMISSION_KINDS)[number];
