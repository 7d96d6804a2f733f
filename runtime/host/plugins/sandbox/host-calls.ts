// What a guest may ask for: one row a method, with the form of its arguments and the capability that performs it. The
// capability asks the grants (context.ts); here is only decided whether the question is one at all.

import type { Static, TObject } from "typebox";
import * as Type from "typebox";
import { Compile } from "typebox/compile";
import { AgentError, type Permissions, type TcpSocket, type UdpSocket } from "../../../../sdk/mod.ts";
import type { HostContext } from "../context.ts";

/** Sockets of a call, by the numbers that the guest knows them by. */
export interface GuestSockets {
  open(socket: UdpSocket | TcpSocket): number;
  /** A connection of this call; rejects where there is none of that number. */
  stream(socket: number): TcpSocket;
  close(socket: number): Promise<void>;
  /** Hands a datagram to the guest; loss is legal. */
  received(socket: number, bytes: Uint8Array, address: string, port: number): void;
}

/** Answers one question of a guest: the result, as it goes over the wire. */
type Answer = (context: HostContext, args: readonly unknown[], sockets: GuestSockets) => Promise<unknown>;

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}

type Capability = "run" | "daemon" | "fetch" | "udp" | "tcp" | "attributes" | "processes" | "promotionScore";

/** The permission behind a capability of a context. */
const PERMISSION_OF: Readonly<Record<Capability, keyof Permissions>> = {
  ...{ run: "run", daemon: "daemon", fetch: "net", udp: "net", tcp: "net" },
  ...{ attributes: "attributes", processes: "processes", promotionScore: "promotionScore" },
};

function undeclared(name: string): AgentError {
  return new AgentError("privileges", `The plugin's manifest does not declare ctx.${name}.`);
}

/** What the manifest does not have, or was not granted, the context does not have either. */
function granted<Name extends Capability>(context: HostContext, name: Name): NonNullable<HostContext[Name]> {
  const capability = context[name];
  if (capability !== undefined && capability !== null) return capability;
  context.refuseWithheld(PERMISSION_OF[name]);
  throw undeclared(name);
}

function grantedFile<Name extends "readText" | "writeText" | "remove">(
  context: HostContext,
  name: Name,
): NonNullable<NonNullable<HostContext["fs"]>[Name]> {
  const capability = context.fs?.[name];
  if (capability !== undefined) return capability;
  context.refuseWithheld(name === "readText" ? "read" : "write");
  throw undeclared(`fs.${name}`);
}

/** A method: names and forms of its arguments, in their order, and what is done. */
function method<Schema extends TObject>(
  name: string,
  schema: Schema,
  perform: (context: HostContext, args: Static<Schema>, sockets: GuestSockets) => Promise<unknown>,
): [string, Answer] {
  const check = Compile(schema);
  const names = Object.keys(schema.properties);
  const answer: Answer = async (context, args, sockets) => {
    const given: Record<string, unknown> = {};
    for (const [index, argument] of args.slice(0, names.length).entries()) {
      // JSON knows no undefined in a list.
      if (argument !== null) given[names[index] ?? ""] = argument;
    }
    if (check.Check(given)) return await perform(context, given, sockets);
    const [error] = check.Errors(given);
    const where = `${error?.instancePath.slice(1).replaceAll("/", ".") ?? ""}`;
    throw new AgentError(
      "generic",
      `ctx.${name}: ${where === "" ? "its arguments" : where} ${error?.message ?? "do not fit"}.`,
    );
  };
  return [name, answer];
}

const { Array: List, Boolean: Flag, Integer, Object: Form, Optional, Record: Dictionary, String: Text, Union } = Type;
const strict = { additionalProperties: false };
const words = List(Text());
const env = Optional(Dictionary(Text(), Text()));
const identity = Form({ pid: Integer(), startTicks: Integer(), bootId: Text() }, strict);
const identities = List(identity, { maxItems: 65_536 });

const runOptions = Form(
  { env, input: Optional(Text()), directory: Optional(Text()), allowFailure: Optional(Flag()) },
  strict,
);
const daemonOptions = Form({ env, directory: Optional(Text()), logFile: Optional(Text()) }, strict);
const daemonStop = Form({ signal: Optional(Text()), graceMs: Optional(Integer({ minimum: 0 })) }, strict);
const tls = Optional(Form({ ca: Optional(Text()), pinSha256: Optional(Text()) }, strict));
const fetchOptions = Form(
  {
    method: Optional(Text()),
    headers: Optional(Dictionary(Text(), Text())),
    body: Optional(Text()),
    timeoutMs: Optional(Integer({ minimum: 1, maximum: 2_147_483_647 })),
    tls,
  },
  strict,
);
const tcpPeer = Form({ host: Text({ maxLength: 255 }), port: Integer({ minimum: 1, maximum: 65_535 }), tls }, strict);
const cipherArguments = Form({
  cipher: Type.Enum(["des-cbc", "aes-128-cfb", "aes-192-cfb", "aes-256-cfb"]),
  key: Text(),
  iv: Text(),
  bytes: Text(),
});
const processQuery = Union([Form({ marker: Text() }, strict), Form({ identities }, strict)]);
const bindAddress = Form({ address: Text(), port: Integer({ minimum: 0, maximum: 65_535 }) }, strict);

const METHODS: ReadonlyMap<string, Answer> = new Map([
  method("state.get", Form({ key: Text() }), ({ state }, { key }) => state.get(key)),
  method("state.set", Form({ key: Text(), value: Text() }), ({ state }, { key, value }) => state.set(key, value)),
  method("state.remove", Form({ key: Text() }), ({ state }, { key }) => state.remove(key)),
  method(
    "run",
    Form({ program: Text(), args: Optional(words), options: Optional(runOptions) }),
    (context, { program, args, options }) => granted(context, "run")(program, args, options),
  ),
  method(
    "daemon.start",
    Form({ program: Text(), args: Optional(words), options: Optional(daemonOptions) }),
    (context, { program, args, options }) => granted(context, "daemon").start(program, args, options),
  ),
  method("daemon.adopt", Form({}), (context) => granted(context, "daemon").adopt()),
  method("daemon.stop", Form({ options: Optional(daemonStop) }), (context, { options }) =>
    granted(context, "daemon").stop(options),
  ),
  method("fetch", Form({ url: Text(), options: Optional(fetchOptions) }), (context, { url, options }) =>
    granted(context, "fetch")(url, options),
  ),
  method("udp.bind", Form({ local: bindAddress }), async (context, { local }, sockets) => {
    let number = 0;
    const socket = await granted(context, "udp").bind(local, (bytes, address, port) => {
      sockets.received(number, bytes, address, port);
    });
    number = sockets.open(socket);
    return { socket: number, port: socket.port };
  }),
  method("udp.close", Form({ socket: Integer() }), (_, { socket }, sockets) => sockets.close(socket)),
  method("tcp.connect", Form({ peer: tcpPeer }), async (context, { peer }, sockets) =>
    sockets.open(await granted(context, "tcp").connect(peer)),
  ),
  method("tcp.read", Form({ socket: Integer() }), async (_, { socket }, sockets) => {
    const bytes = await sockets.stream(socket).read();
    return bytes === undefined ? null : toBase64(bytes);
  }),
  method("tcp.write", Form({ socket: Integer(), bytes: Text() }), (_, { socket, bytes }, sockets) =>
    sockets.stream(socket).write(fromBase64(bytes)),
  ),
  method("tcp.close", Form({ socket: Integer() }), (_, { socket }, sockets) => sockets.close(socket)),
  method("attributes.set", Form({ name: Text(), value: Text() }), (context, { name, value }) =>
    granted(context, "attributes").set(name, value),
  ),
  method("attributes.remove", Form({ name: Text() }), (context, { name }) =>
    granted(context, "attributes").remove(name),
  ),
  method("crypto.encrypt", cipherArguments, async ({ crypto }, { cipher, key, iv, bytes }) =>
    toBase64(await crypto.encrypt(cipher, fromBase64(key), fromBase64(iv), fromBase64(bytes))),
  ),
  method("crypto.decrypt", cipherArguments, async ({ crypto }, { cipher, key, iv, bytes }) =>
    toBase64(await crypto.decrypt(cipher, fromBase64(key), fromBase64(iv), fromBase64(bytes))),
  ),
  method("fs.readText", Form({ path: Text() }), (context, { path }) => grantedFile(context, "readText")(path)),
  method("fs.writeText", Form({ path: Text(), text: Text() }), (context, { path, text }) =>
    grantedFile(context, "writeText")(path, text),
  ),
  method("fs.remove", Form({ path: Text() }), (context, { path }) => grantedFile(context, "remove")(path)),
  method("processes.bootId", Form({}), (context) => granted(context, "processes").bootId()),
  method("processes.find", Form({ query: processQuery }), (context, { query }) =>
    granted(context, "processes").find(query),
  ),
  method("processes.kill", Form({ identities }), (context, { identities: victims }) =>
    granted(context, "processes").kill(victims),
  ),
  method("promotionScore", Form({ score: Optional(Type.Number()) }), (context, { score }) =>
    granted(context, "promotionScore")(score),
  ),
]);

/** Answers a question. Rejects as the capability does; undefined: there is no such method, and an honest guest never asks. */
export function answerQuestion(
  name: string,
  context: HostContext,
  args: readonly unknown[],
  sockets: GuestSockets,
): Promise<unknown> | undefined {
  return METHODS.get(name)?.(context, args, sockets);
}
