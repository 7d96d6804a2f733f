// Takes away from the guest's global object whatever is not pure computation. In Deno nothing that is taken away here could
// do harm, since the process has no grant; but what is not there cannot be tried, cannot write to the host's pipe, and
// gives an author who reaches for it an error that says so.

/** What stays besides the language itself: text, bytes, addresses, streams in memory, timers, hashes. */
const KEPT = new Set([
  ...["AbortController", "AbortSignal", "Blob", "Buffer", "CompressionStream", "DecompressionStream", "CustomEvent"],
  ...["DOMException", "Event", "EventTarget", "TextDecoder", "TextEncoder", "TextDecoderStream", "TextEncoderStream"],
  ...["URL", "URLPattern", "URLSearchParams", "ReadableStream", "WritableStream", "TransformStream", "atob", "btoa"],
  ...["ByteLengthQueuingStrategy", "CountQueuingStrategy", "Crypto", "CryptoKey", "SubtleCrypto", "crypto"],
  ...["Performance", "performance", "queueMicrotask", "structuredClone", "reportError"],
  ...["setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "clearImmediate"],
]);

/** The language itself (ECMAScript 2025 and what V8 has since), but machine code. */
const LANGUAGE = new Set([
  ...["Object", "Function", "Array", "Number", "parseFloat", "parseInt", "Infinity", "NaN", "undefined", "Boolean"],
  ...["String", "Symbol", "Date", "Promise", "RegExp", "Error", "AggregateError", "EvalError", "RangeError"],
  ...[
    "ReferenceError",
    "SyntaxError",
    "TypeError",
    "URIError",
    "SuppressedError",
    "globalThis",
    "JSON",
    "Math",
    "Intl",
  ],
  ...["ArrayBuffer", "Uint8Array", "Int8Array", "Uint16Array", "Int16Array", "Uint32Array", "Int32Array"],
  ...[
    "BigUint64Array",
    "BigInt64Array",
    "Uint8ClampedArray",
    "Float16Array",
    "Float32Array",
    "Float64Array",
    "DataView",
  ],
  ...["Map", "BigInt", "Set", "Iterator", "WeakMap", "WeakSet", "WeakRef", "FinalizationRegistry", "Proxy", "Reflect"],
  ...["decodeURI", "decodeURIComponent", "encodeURI", "encodeURIComponent", "escape", "unescape", "eval", "isFinite"],
  ...["isNaN", "Temporal", "DisposableStack", "AsyncDisposableStack", "Atomics", "SharedArrayBuffer"],
]);

type Level = "debug" | "info" | "warn" | "error";

/** How values are written by `console`. */
function inText(values: readonly unknown[]): string {
  return values
    .map((value) => {
      if (typeof value === "string") return value;
      if (value instanceof Error) return `${value.name}: ${value.message}`;
      try {
        return JSON.stringify(value) ?? String(value);
      } catch {
        return String(value);
      }
    })
    .join(" ");
}

/** A console that writes to the log. */
function loggingConsole(
  log: (level: Level, text: string) => void,
): Readonly<Record<string, (...values: unknown[]) => void>> {
  const at =
    (level: Level) =>
    (...values: unknown[]): void =>
      log(level, inText(values));
  const nothing = (): void => undefined;
  return {
    ...{
      debug: at("debug"),
      log: at("info"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      trace: at("debug"),
    },
    ...{ dir: at("info"), table: at("info"), group: at("info"), groupEnd: nothing, time: nothing, timeEnd: nothing },
    assert(condition: unknown, ...values: unknown[]) {
      if (condition !== true) log("error", `Assertion failed: ${inText(values)}`);
    },
  };
}

/** Seals the global object of this process. `log` hears what is written to `console`. */
export function sealGlobals(log: (level: Level, text: string) => void): void {
  // Deno loads much of what stays when it is first looked at, and needs the rest for it: so look now.
  for (const name of KEPT) {
    const value: unknown = Reflect.get(globalThis, name);
    if (value !== undefined) Reflect.defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }
  for (const name of Object.getOwnPropertyNames(globalThis)) {
    if (!KEPT.has(name) && !LANGUAGE.has(name)) Reflect.deleteProperty(globalThis, name);
  }
  Reflect.defineProperty(globalThis, "console", { value: Object.freeze(loggingConsole(log)) });
}
