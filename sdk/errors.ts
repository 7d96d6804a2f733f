// How a plugin says what went wrong, and the table of everything that a plugin or its manifest can get wrong.

/**
 * Why an agent refuses or fails. These are the OCF exit codes by name (the number in brackets decides what the cluster does):
 * - `generic` (1): try again, here or elsewhere
 * - `arguments` (2): these parameters cannot work on this node
 * - `unimplemented` (3): this agent cannot do that
 * - `privileges` (4): the node's user may not do that
 * - `not-installed` (5): a program or file that is needed is missing on this node
 * - `not-configured` (6): the parameters are wrong wherever the resource is tried
 */
export type AgentErrorCode =
  | "generic"
  | "arguments"
  | "unimplemented"
  | "privileges"
  | "not-installed"
  | "not-configured";

/** The OCF exit code of each AgentErrorCode. */
export const OCF_EXIT_CODES: Readonly<Record<AgentErrorCode, number>> = {
  generic: 1,
  arguments: 2,
  unimplemented: 3,
  privileges: 4,
  "not-installed": 5,
  "not-configured": 6,
};

/** Throw this to say why; anything else that is thrown counts as `generic`. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly code: AgentErrorCode;

  /** `reason`: one sentence for the person who looks at `status`: what failed, because of what, what to do. */
  constructor(code: AgentErrorCode, reason: string, options?: { readonly cause?: unknown }) {
    super(reason, options);
    this.code = code;
  }
}

/** Whether an error came from an AgentError; also true across bundles, which each have their own copy of the class. */
export function isAgentError(error: unknown): error is AgentError {
  return (
    error instanceof Error &&
    error.name === "AgentError" &&
    "code" in error &&
    typeof error.code === "string" &&
    error.code in OCF_EXIT_CODES
  );
}

/** What can be wrong with a plugin, by code, and what to do about it. The loader's messages end with the remedy. */
export const PLUGIN_ERRORS = {
  "plugin-not-found":
    "Check the name with `systole plugin list`, or add the plugin's file to `plugins` in the node's configuration.",
  "plugin-unreadable": "Check that the file exists and that Systole's user may read it.",
  "plugin-package": "Take a package as `npm pack` makes it, or name the folder or the file itself.",
  "plugin-outside":
    "Put what it needs into the package's own folder (a package's dependencies into its own node_modules, listed as bundledDependencies).",
  "plugin-closed": "What it needs from outside, a plugin gets through `ctx`; declare it in `permissions`.",
  "plugin-syntax": "Mend the error shown; `npx tsc --noEmit` in the plugin's folder finds more.",
  "plugin-import":
    "A plugin may only define things when it is loaded: move what throws into a function that uses `ctx`.",
  "plugin-kind":
    "Export by default what defineResourceAgent, defineFenceDevice, defineAlertSink, defineArbiter or defineTransport returned.",
  "plugin-api": "Use a release of the plugin for this release of Systole, or update Systole.",
  "plugin-duplicate": "Remove one of the two from `plugins` in the node's configuration, or rename it.",
  "plugin-missing":
    "Bring them here with `systole plugin add PACKAGE`, from the same package and with the same release of Systole.",
  "plugin-approval": "Look at what it asks for and grant it with `systole plugin approve NAME`.",
  "plugin-signature":
    "Sign it with `systole plugin sign`, or change `pluginSignatures` in the node's configuration if it shall run unsigned.",
  "plugin-unproven":
    "See why, then update it once more or go back with `systole plugin rollback NAME`; the version before goes on meanwhile.",
  "plugin-lock": "See `systole plugin verify`; remove the plugin and add it again if nothing else helps.",
  "plugin-manifest": "Mend the named member of the plugin's definition.",
  "plugin-parameters":
    "Correct the instance attributes in the CIB; `systole plugin describe NAME` shows what is expected.",
  "plugin-sandbox":
    "Install the package `deno` for this platform beside Systole, or set `requireSandbox` to false in the node's configuration.",
  "plugin-excess":
    "Do less of it in the plugin: a value that has not changed need not be said again, and what is begun is awaited before the next.",
  "permission-denied": "If the plugin should do this, add the line to its `permissions`.",
  "permission-withheld": "If the plugin should do this, grant it with `systole plugin approve NAME`.",
} as const;

/** A code of PLUGIN_ERRORS. */
export type PluginErrorCode = keyof typeof PLUGIN_ERRORS;
