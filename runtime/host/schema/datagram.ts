// What pulses say to one another, as schemas. Meaning is documented with the types: runtime/kernel/membership/datagram.ts.

import type { Static } from "typebox";
import * as Type from "typebox";
import type { Datagram } from "../../kernel/membership/datagram.ts";
import { BOUNDS, count, departureSchema, incarnation, nodeId, viewId, viewSchema } from "./kernel.ts";
import type { Proven, Same } from "./proof.ts";

const closed = { additionalProperties: false } as const;

/** Largest piece of a message in one datagram; IPv4 over UDP ends at 65,507. */
const MAX_FRAGMENT_BYTES = 65_000;

/** Most sequence numbers that an acknowledgement lists beyond the gap. */
const MAX_ACKNOWLEDGED_AFTER_GAP = 1024;

const heardSchema = Type.Object({ id: nodeId, incarnation }, closed);
const heard = Type.Array(heardSchema, { maxItems: BOUNDS.nodes });
const bytes = Type.Refine(
  Type.Unsafe<Uint8Array>({}),
  (value) => value instanceof Uint8Array && value.length <= MAX_FRAGMENT_BYTES,
);

export const datagramSchemas = [
  Type.Object(
    {
      type: Type.Literal("heartbeat"),
      incarnation,
      sequence: count,
      heard,
      view: viewId,
      promised: count,
      featureLevel: count,
    },
    closed,
  ),
  Type.Object({ type: Type.Literal("propose"), incarnation, id: viewId, members: heard }, closed),
  Type.Object(
    {
      type: Type.Literal("accept"),
      incarnation,
      id: viewId,
      chain: Type.Object({ primaryNumber: count, seniority: count }, closed),
      featureLevel: count,
      departures: Type.Array(departureSchema, { maxItems: BOUNDS.departures }),
    },
    closed,
  ),
  Type.Object({ type: Type.Literal("refuse"), incarnation, id: viewId, promised: count }, closed),
  Type.Object({ type: Type.Literal("install"), incarnation, view: viewSchema }, closed),
  Type.Object({ type: Type.Literal("leave"), incarnation }, closed),
  Type.Object(
    {
      type: Type.Literal("fragment"),
      incarnation,
      to: incarnation,
      stream: count,
      sequence: count,
      last: Type.Boolean(),
      bytes,
    },
    closed,
  ),
  Type.Object(
    {
      type: Type.Literal("acknowledge"),
      incarnation,
      to: incarnation,
      stream: count,
      upTo: count,
      also: Type.Array(count, { maxItems: MAX_ACKNOWLEDGED_AFTER_GAP }),
    },
    closed,
  ),
] as const;

/** The compiler's word that the schemas above say what the types say. */
export type DatagramProofs = [Proven<Same<Static<(typeof datagramSchemas)[number]>, Datagram>>];
