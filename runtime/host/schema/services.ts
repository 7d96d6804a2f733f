// What services say to one another, and what a client may ask of them, as schemas.
// Meaning is documented with the types: runtime/services/messages.ts and runtime/services/calls.ts.

import type { Static } from "typebox";
import * as Type from "typebox";
import type { DeviceCall, DeviceOutcome } from "../../services/calls.ts";
import { type FenceRecord, MAX_FENCE_HISTORY } from "../../services/fencer/fencer.ts";
import type {
  ClusterEvent,
  OperationResult,
  RequestOutcome,
  ServiceMessage,
  ServiceRequest,
} from "../../services/messages.ts";
import { count, id, incarnation, nodeId, text } from "./kernel.ts";
import type { Proven, Same } from "./proof.ts";

const closed = { additionalProperties: false } as const;
const MAX_PARAMETERS = 1024;
/** Operations that one node can have waiting or recurring: many resources with several monitors each. */
const MAX_UNDER_WAY = 1_000_000;
const MAX_PARAMETER_CHARACTERS = 1_048_576;

const parameters = Type.Record(Type.String(), Type.String({ maxLength: MAX_PARAMETER_CHARACTERS }), {
  maxProperties: MAX_PARAMETERS,
});
const milliseconds = Type.Number({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

const resourceSchema = Type.Object({ id, class: id, provider: Type.Optional(id), type: id }, closed);

const operationSchema = Type.Object(
  {
    transitionKey: id,
    operationKey: Type.String({ minLength: 1, maxLength: 512 }),
    resource: resourceSchema,
    action: id,
    intervalMs: milliseconds,
    timeoutMs: milliseconds,
    startDelayMs: milliseconds,
    parameters,
    meta: parameters,
  },
  closed,
);

const operationResultSchema = Type.Object(
  {
    operation: operationSchema,
    node: nodeId,
    incarnation,
    callId: count,
    rc: Type.Integer({ minimum: -1, maximum: 255 }),
    status: Type.Union([
      Type.Literal("done"),
      Type.Literal("cancelled"),
      Type.Literal("timeout"),
      Type.Literal("error"),
      Type.Literal("not-installed"),
    ]),
    reason: text,
    startedEpochMs: milliseconds,
    execTimeMs: milliseconds,
    queueTimeMs: milliseconds,
  },
  closed,
);

const deviceCallSchema = Type.Object(
  {
    id: count,
    device: Type.Object({ id, type: id, parameters }, closed),
    verb: Type.Union([Type.Literal("power"), Type.Literal("setPower"), Type.Literal("check")]),
    want: Type.Optional(Type.Union([Type.Literal("on"), Type.Literal("off")])),
    target: Type.Optional(id),
    timeoutMs: milliseconds,
  },
  closed,
);

const deviceOutcomeSchema = Type.Union([
  Type.Object(
    {
      outcome: Type.Literal("power"),
      power: Type.Union([Type.Literal("on"), Type.Literal("off"), Type.Literal("unknown")]),
    },
    closed,
  ),
  Type.Object({ outcome: Type.Literal("done") }, closed),
  Type.Object({ outcome: Type.Literal("error"), reason: text }, closed),
  Type.Object({ outcome: Type.Literal("timeout"), reason: text }, closed),
]);

/** A fence; meaning as in runtime/services/fencer/fencer.ts. */
export const fenceRecordSchema = Type.Object(
  {
    target: Type.String(),
    action: Type.Union([Type.Literal("off"), Type.Literal("on"), Type.Literal("reboot")]),
    state: Type.Union([Type.Literal("pending"), Type.Literal("done"), Type.Literal("failed")]),
    device: Type.Optional(Type.String()),
    by: Type.Optional(Type.String()),
    epochMs: milliseconds,
    durationMs: Type.Optional(milliseconds),
    text: Type.Optional(Type.String()),
  },
  closed,
);

const attributeValue = Type.Union([Type.String({ maxLength: MAX_PARAMETER_CHARACTERS }), Type.Null()]);

export const serviceRequestSchema = Type.Union([
  Type.Object(
    {
      id,
      request: Type.Literal("fence"),
      node: id,
      action: Type.Union([Type.Literal("off"), Type.Literal("on"), Type.Literal("reboot")]),
      who: text,
    },
    closed,
  ),
  Type.Object({ id, request: Type.Literal("fence-confirm"), node: id, who: text }, closed),
  Type.Object(
    { id, request: Type.Literal("cleanup"), resource: Type.Optional(id), node: Type.Optional(id), who: text },
    closed,
  ),
  Type.Object(
    {
      id,
      request: Type.Literal("attribute"),
      node: id,
      name: id,
      value: attributeValue,
      dampeningMs: milliseconds,
      who: text,
    },
    closed,
  ),
]);

export const requestOutcomeSchema = Type.Union([
  Type.Object({ outcome: Type.Literal("done"), text }, closed),
  Type.Object({ outcome: Type.Literal("refused"), code: id, reason: text }, closed),
]);

export const eventSchema = Type.Object(
  {
    epochMs: milliseconds,
    kind: id,
    code: id,
    text,
    severity: Type.Union([Type.Literal("info"), Type.Literal("warning"), Type.Literal("error")]),
    node: Type.Optional(Type.String()),
    resource: Type.Optional(Type.String()),
    durationMs: Type.Optional(Type.Number()),
  },
  closed,
);

export const serviceMessageSchemas = [
  Type.Object({ type: Type.Literal("operation"), operation: operationSchema }, closed),
  Type.Object(
    {
      type: Type.Literal("operation-cancel"),
      transitionKey: id,
      resource: id,
      operationKey: Type.String({ minLength: 1, maxLength: 512 }),
    },
    closed,
  ),
  Type.Object({ type: Type.Literal("operation-result"), result: operationResultSchema }, closed),
  Type.Object({ type: Type.Literal("operation-noted"), callId: count }, closed),
  Type.Object(
    {
      type: Type.Literal("operations-under-way"),
      viewNumber: count,
      operations: Type.Array(operationSchema, { maxItems: MAX_UNDER_WAY }),
    },
    closed,
  ),
  Type.Object({ type: Type.Literal("history-clear"), resource: id }, closed),
  Type.Object({ type: Type.Literal("device-call"), call: deviceCallSchema }, closed),
  Type.Object({ type: Type.Literal("device-outcome"), id: count, outcome: deviceOutcomeSchema }, closed),
  Type.Object(
    { type: Type.Literal("fence-records"), records: Type.Array(fenceRecordSchema, { maxItems: MAX_FENCE_HISTORY }) },
    closed,
  ),
  Type.Object(
    { type: Type.Literal("attribute"), node: id, name: id, value: attributeValue, dampeningMs: milliseconds },
    closed,
  ),
  Type.Object({ type: Type.Literal("request"), request: serviceRequestSchema }, closed),
  Type.Object({ type: Type.Literal("request-answer"), requestId: id, outcome: requestOutcomeSchema }, closed),
] as const;

/** The compiler's word that the schemas above say what the types say. */
export type ServiceProofs = [
  Proven<Same<Static<typeof operationResultSchema>, OperationResult>>,
  Proven<Same<Static<typeof deviceCallSchema>, DeviceCall>>,
  Proven<Same<Static<typeof deviceOutcomeSchema>, DeviceOutcome>>,
  Proven<Same<Static<typeof fenceRecordSchema>, FenceRecord>>,
  Proven<Same<Static<typeof serviceRequestSchema>, ServiceRequest>>,
  Proven<Same<Static<typeof requestOutcomeSchema>, RequestOutcome>>,
  Proven<Same<Static<typeof eventSchema>, ClusterEvent>>,
  Proven<Same<Static<(typeof serviceMessageSchemas)[number]>, ServiceMessage>>,
];
