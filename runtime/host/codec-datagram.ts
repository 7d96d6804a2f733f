// Datagrams between pulses as bytes. Used in the pulse's worker.

import type { Datagram } from "../kernel/membership/datagram.ts";
import { type Codec, createCodec } from "./codec.ts";
import { datagramSchemas } from "./schema/datagram.ts";

/** Datagrams are small: one has at most the members of a view in it. */
const BOUNDS = { maxBytes: 65_507, maxDepth: 6, maxItems: 16_384 } as const;

/** Bytes <-> datagrams. */
export function createDatagramCodec(): Codec<Datagram> {
  return createCodec<Datagram>(datagramSchemas, BOUNDS);
}
