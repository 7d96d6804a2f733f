// Messages between kernels and services as bytes. Used in the main thread.

import type { Message } from "../services/messages.ts";
import { type Codec, createCodec } from "./codec.ts";
import { MAX_ELEMENT_DEPTH } from "./schema/element.ts";
import { kernelMessageSchemas } from "./schema/kernel.ts";
import { serviceMessageSchemas } from "./schema/services.ts";

/** A whole CIB with its log must fit. Each element nests twice (the element, its children), each message a few levels more. */
const BOUNDS = { maxBytes: 64 * 1024 * 1024, maxDepth: 2 * MAX_ELEMENT_DEPTH + 16, maxItems: 16_000_000 } as const;

/** Bytes <-> messages. Encoding the message of the call before costs nothing: most messages go to several members. */
export function createMessageCodec(): Codec<Message> {
  const codec = createCodec<Message>([...kernelMessageSchemas, ...serviceMessageSchemas], BOUNDS);
  let last: { readonly message: Message; readonly bytes: Uint8Array } | undefined;
  return {
    decode: codec.decode,
    encode(message) {
      if (last?.message !== message) last = { message, bytes: codec.encode(message) };
      return last.bytes;
    },
  };
}
