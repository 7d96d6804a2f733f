// The modules of Node that a plugin may import: pure computation, nothing that reaches a file, a socket, a process or a thread.

/** By their names behind `node:`. */
export const ALLOWED_MODULES: ReadonlySet<string> = new Set([
  "assert",
  "assert/strict",
  "buffer",
  "crypto",
  "events",
  "path",
  "path/posix",
  "querystring",
  "string_decoder",
  "url",
  "util",
]);

/** For messages. */
export const ALLOWED_TEXT = [...ALLOWED_MODULES].map((name) => `node:${name}`).join(", ");
