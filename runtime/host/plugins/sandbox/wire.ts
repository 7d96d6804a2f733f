// What host and guest agree on before they trust each other with anything: JSON-RPC 2.0, one message a line, on the guest's
// standard input and output. The guest speaks first (`ready`), is given one plugin (`load`), then performs calls. While a
// call runs, the guest asks the host for whatever touches the world, by the number of that call.
//
// Imported by both sides; so it imports nothing.

/** Begins the first line of a guest: a program that says anything else there is none. */
export const MAGIC = "systole-plugin-guest";

/** Version of what stands in this folder: lines, methods, handshake. */
export const PROTOCOL_VERSION = 1;

/** A line of the guest that is longer ends it; what the guest is told may be as long as the answer needs. */
export const LINE_LIMIT_BYTES = 1024 * 1024;

/** JSON-RPC's code for an error of the application. */
export const APPLICATION_ERROR = -32_000;

/** What a module's default export says of itself, as plain data. Nothing in it is believed before `checkManifest`. */
export interface Summary {
  /** Whether the export is an object with a `kind` at all. */
  readonly branded: boolean;
  readonly kind?: unknown;
  readonly api?: unknown;
  /** The specification without its functions; missing when kind or API version are not the host's. */
  readonly spec?: unknown;
  /** Paths of the functions in the specification: `monitor`, `promotion.promote`. */
  readonly functions?: readonly string[];
}

/** What `load` is asked. */
export interface LoadRequest {
  /** How messages call the plugin: `agents/dummy`. */
  readonly name: string;
  /** The module. */
  readonly source: string;
  /** Kinds and API versions that the host understands: of anything else the guest touches nothing. */
  readonly kinds: readonly string[];
  readonly apis: readonly number[];
}

/** What `load` answers when the module could be loaded. */
export interface LoadAnswer {
  /** SHA-512 of the source that the guest received, in hex. */
  readonly digest: string;
  readonly summary: Summary;
}

/** What `call` is asked: run a function of the plugin. */
export interface CallRequest {
  /** Path of the function. */
  readonly member: string;
  /** Its arguments; the context is put in at `contextAt`. */
  readonly arguments: readonly unknown[];
  readonly contextAt: number;
  readonly params: Readonly<Record<string, unknown>>;
  readonly node: string;
  readonly resource: string;
}

/** What went wrong, on the wire. `code`: of an AgentError, or where loading failed (`plugin-syntax`, `plugin-import`). */
export interface WireError {
  readonly code: number;
  readonly message: string;
  readonly data?: { readonly code: string };
}
