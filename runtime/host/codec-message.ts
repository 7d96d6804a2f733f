// Messages between kernels and services as bytes. Used in the main thread.
//
// What goes to one node at a time is one message, or a bundle: an array of the bytes of several.

import type { Message } from "../services/messages.ts";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { type Codec, createCodec, type Rejection } from "./codec.ts";
import { type BundleMessage, bundleMessageSchemas } from "./schema/bundle.ts";
import { MAX_ELEMENT_DEPTH } from "./schema/element.ts";
import { kernelMessageSchemas } from "./schema/kernel.ts";
import { serviceMessageSchemas } from "./schema/services.ts";

/** A whole CIB with its log must fit. Each element nests twice (the element, its children), each message a few levels more. */
const BOUNDS = { maxBytes: 64 * 1024 * 1024, maxDepth: 2 * MAX_ELEMENT_DEPTH + 16, maxItems: 16_000_000 } as const;
/** A bundle is an array of byte strings, far below what would be sent alone. */
const BUNDLE_BOUNDS = { maxBytes: 1024 * 1024, maxDepth: 1, maxItems: 65_536 } as const;
/** The first byte of an array in CBOR: major type 4. A message is a map. */
const ARRAY = 4;

/** Everything that goes from main thread to main thread. */
export type WireMessage = Message | BundleMessage;

/** Whether it is for the plugin host, and not for the machine. */
export function isBundleMessage(message: WireMessage): message is BundleMessage {
  return bundleMessageSchemas.some((schema) => schema.properties.type.const === message.type);
}

/** The codec of messages. */
export interface MessageCodec extends Codec<WireMessage> {
  /** What a message or a bundle holds, in order; what is wrong in it does not touch the rest. Never throws. */
  decodeAll(bytes: Uint8Array): readonly ReturnType<Codec<WireMessage>["decode"]>[];
}

/** Bytes <-> messages. Encoding the message of the call before costs nothing: most messages go to several members. */
export function createMessageCodec(): MessageCodec {
  const codec = createCodec<WireMessage>(
    [...kernelMessageSchemas, ...serviceMessageSchemas, ...bundleMessageSchemas],
    BOUNDS,
  );
  let last: { readonly message: WireMessage; readonly bytes: Uint8Array } | undefined;
  return {
    decode: codec.decode,
    decodeAll(bytes) {
      if ((bytes[0] ?? 0) >> 5 !== ARRAY) return [codec.decode(bytes)];
      const decoded = decodeCbor(bytes, BUNDLE_BOUNDS);
      if (typeof decoded === "string") return [unusable(decoded)];
      const parts = Array.isArray(decoded.value) ? decoded.value : [];
      return parts.map((part: unknown) => (part instanceof Uint8Array ? codec.decode(part) : unusable("not-plain")));
    },
    encode(message) {
      if (last?.message !== message) last = { message, bytes: codec.encode(message) };
      return last.bytes;
    },
  };
}

/** Several messages as one; one stays as it is. */
export function bundle(messages: readonly Uint8Array[]): Uint8Array {
  const [first] = messages;
  return messages.length === 1 && first !== undefined ? first : encodeCbor(messages);
}

function unusable(code: Rejection["code"]): { readonly rejection: Rejection } {
  return { rejection: { code, text: `the bytes of a bundle of messages are unusable (${code})` } };
}
