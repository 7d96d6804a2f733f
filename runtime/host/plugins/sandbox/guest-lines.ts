// What a guest may say, checked once, here, where it comes in. Everything on the pipe is hostile: a line that is not exactly
// one of these ends the guest. What the fields mean in the conversation (is this call under way?) is checked by the session.

import type { Static } from "typebox";
import * as Type from "typebox";
import { Compile } from "typebox/compile";
import { MAGIC, PROTOCOL_VERSION } from "./wire.ts";

const strict = { additionalProperties: false };
const id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
const version = { jsonrpc: Type.Literal("2.0") };

const readySchema = Type.Object(
  {
    ...version,
    method: Type.Literal("ready"),
    params: Type.Object(
      {
        magic: Type.Literal(MAGIC),
        protocol: Type.Literal(PROTOCOL_VERSION),
        runtime: Type.String({ maxLength: 100 }),
      },
      strict,
    ),
  },
  strict,
);

/** A question: the method's own arguments are checked in host-calls.ts. */
const questionSchema = Type.Object(
  {
    ...version,
    id,
    method: Type.String({ maxLength: 40 }),
    params: Type.Object({ call: id, arguments: Type.Array(Type.Unknown(), { maxItems: 8 }) }, strict),
  },
  strict,
);

const resultSchema = Type.Object({ ...version, id, result: Type.Unknown() }, strict);

const failureSchema = Type.Object(
  {
    ...version,
    id,
    error: Type.Object(
      {
        code: Type.Integer(),
        message: Type.String({ maxLength: 8_192 }),
        data: Type.Optional(Type.Object({ code: Type.String({ maxLength: 40 }) }, strict)),
      },
      strict,
    ),
  },
  strict,
);

const logSchema = Type.Object(
  {
    ...version,
    method: Type.Literal("log"),
    params: Type.Object(
      {
        call: Type.Optional(id),
        level: Type.Enum(["debug", "info", "warn", "error"]),
        text: Type.String(),
      },
      strict,
    ),
  },
  strict,
);

const pongSchema = Type.Object(
  { ...version, method: Type.Literal("pong"), params: Type.Object({ serial: id }, strict) },
  strict,
);

const datagramSchema = Type.Object(
  {
    ...version,
    method: Type.Literal("udp.send"),
    params: Type.Object(
      {
        call: id,
        socket: id,
        bytes: Type.String({ maxLength: 90_000 }),
        address: Type.String({ maxLength: 100 }),
        port: Type.Integer({ minimum: 1, maximum: 65_535 }),
      },
      strict,
    ),
  },
  strict,
);

type Params<Schema extends Type.TSchema> = Static<Schema> extends { params: infer P } ? P : never;

/** A line of a guest, understood. */
export type GuestLine =
  | { readonly kind: "ready"; readonly runtime: string }
  | ({ readonly kind: "question" } & Static<typeof questionSchema>)
  | ({ readonly kind: "result" } & Static<typeof resultSchema>)
  | ({ readonly kind: "failure" } & Static<typeof failureSchema>)
  | ({ readonly kind: "log" } & Params<typeof logSchema>)
  | ({ readonly kind: "pong" } & Params<typeof pongSchema>)
  | ({ readonly kind: "datagram" } & Params<typeof datagramSchema>);

const ready = Compile(readySchema);
const question = Compile(questionSchema);
const result = Compile(resultSchema);
const failure = Compile(failureSchema);
const log = Compile(logSchema);
const pong = Compile(pongSchema);
const datagram = Compile(datagramSchema);

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Understands a line; undefined when it is none that a guest may say. */
export function readGuestLine(text: string): GuestLine | undefined {
  const message = parse(text);
  if (typeof message !== "object" || message === null) return undefined;
  if ("id" in message) {
    if (question.Check(message)) return { kind: "question", ...message };
    if (result.Check(message)) return { kind: "result", ...message };
    if (failure.Check(message)) return { kind: "failure", ...message };
    return undefined;
  }
  if (log.Check(message)) return { kind: "log", ...message.params };
  if (datagram.Check(message)) return { kind: "datagram", ...message.params };
  if (pong.Check(message)) return { kind: "pong", ...message.params };
  if (ready.Check(message)) return { kind: "ready", runtime: message.params.runtime };
  return undefined;
}
