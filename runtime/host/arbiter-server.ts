// The server behind `systole arbiter`: registers over HTTP by conditional requests (RFC 9110, section 13), for those who know the token.
//
//   GET /registers/NAME   200 with ETag, 404
//   PUT /registers/NAME   with If-Match: "TAG" or If-None-Match: *   204 with ETag, 412; without either 428

import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { errorText, SystoleError, systemCode } from "./errors.ts";
import { type Condition, isRegisterName, MAX_REGISTER_BYTES, type RegisterStore } from "./register-store.ts";

/** A client that has not said what it wants by then is cut off. */
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 256;
const PATH = /^\/registers\/([^/?#]+)$/;
const STRONG_TAG = /^"([^"]{1,1000})"$/;

/** How a server is set up. */
export interface ArbiterServerOptions {
  readonly address: string;
  readonly port: number;
  readonly store: RegisterStore;
  readonly token: string;
  /** Certificate and key in PEM; plain HTTP without. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** A line for people. */
  readonly log: (text: string) => void;
  /** The disk has failed: what it has is unknown, so nobody may be answered any more. */
  readonly onBroken: (error: unknown) => void;
}

export interface ArbiterServer {
  /** Where it listens, which says the port when 0 was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

/** An answer that is not what was hoped for, in a sentence. */
class Refusal extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, text: string, headers: Readonly<Record<string, string>> = {}) {
    super(text);
    this.status = status;
    this.headers = headers;
  }
}

/**
 * Listens.
 * @throws SystoleError `config-invalid`, `port-used`, `port-permission`, `address-missing`, `socket-failed`.
 */
export async function openArbiterServer(options: ArbiterServerOptions): Promise<ArbiterServer> {
  const listener: RequestListener = (request, response) => {
    answer(options, request, response).catch((error: unknown) => fail(options, response, error));
  };
  const server = makeServer(options.tls, listener);
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.headersTimeout = REQUEST_TIMEOUT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  await listening(server, options);
  const at = server.address();
  return {
    port: typeof at === "object" && at !== null ? at.port : options.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function makeServer(tls: ArbiterServerOptions["tls"], listener: RequestListener): Server {
  if (tls === undefined) return createServer(listener);
  try {
    return createTlsServer({ cert: tls.cert, key: tls.key }, listener);
  } catch (error) {
    const text = `Certificate and key do not make a server, so the arbiter does not start (${errorText(error)}). Give both in PEM, of one another.`;
    throw new SystoleError("config-invalid", text);
  }
}

function listening(server: Server, { address, port }: ArbiterServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => reject(unable(error, address, port)));
    server.listen(port, address, () => resolve());
  });
}

function unable(error: unknown, address: string, port: number): SystoleError {
  const at = `${address} port ${port}`;
  const code = systemCode(error);
  if (code === "EADDRINUSE")
    return new SystoleError("port-used", `${at} is in use, so the arbiter does not start. Choose another port.`);
  if (code === "EACCES")
    return new SystoleError(
      "port-permission",
      `${at} needs more permissions than this user has. Use a port above 1023.`,
    );
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return new SystoleError(
      "address-missing",
      `This machine has no address ${address}, so the arbiter does not start.`,
    );
  return new SystoleError("socket-failed", `The arbiter cannot listen on ${at} (${errorText(error)}).`);
}

async function answer(
  options: ArbiterServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  authorize(options.token, request);
  const name = PATH.exec(request.url ?? "")?.[1] ?? "";
  if (!isRegisterName(name)) throw new Refusal(404, "There are only registers here: /registers/NAME.");
  if (request.method === "GET") await get(options.store, name, response);
  else if (request.method === "PUT") await put(options, name, request, response);
  else throw new Refusal(405, "A register is read with GET and replaced with PUT.", { allow: "GET, PUT" });
}

/** Compares digests, so that neither length nor content shows in the time that it takes. */
function authorize(token: string, { headers }: IncomingMessage): void {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  const given = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? "";
  if (timingSafeEqual(digest(given), digest(token))) return;
  throw new Refusal(401, "The token is missing or another one.", { "www-authenticate": "Bearer" });
}

async function get(store: RegisterStore, name: string, response: ServerResponse): Promise<void> {
  const register = await store.read(name);
  if (register === undefined) throw new Refusal(404, "Nothing stands in this register.");
  const headers = { etag: `"${register.tag}"`, "cache-control": "no-store", "content-type": "application/json" };
  response.writeHead(200, headers).end(register.text);
}

async function put(
  { store, log }: ArbiterServerOptions,
  name: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const condition = conditionOf(request);
  const text = await bodyOf(request);
  const outcome = await store.replace(name, text, condition);
  if (!outcome.replaced) throw new Refusal(412, "Something else stands in this register.");
  log(`register ${name} was replaced by ${request.socket.remoteAddress ?? "somebody"}`);
  response.writeHead(204, { etag: `"${outcome.tag}"` }).end();
}

function conditionOf({ headers }: IncomingMessage): Condition {
  const match = headers["if-match"];
  const noneMatch = headers["if-none-match"];
  if (match === undefined && noneMatch?.trim() === "*") return "nothing";
  const tag = STRONG_TAG.exec(match?.trim() ?? "")?.[1];
  if (tag !== undefined && noneMatch === undefined) return { tag };
  const text = `Say what is to be replaced: If-Match with the ETag of what was read, or If-None-Match: * where nothing stands.`;
  throw new Refusal(match === undefined && noneMatch === undefined ? 428 : 400, text);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of request) {
      const buffer = Buffer.from(piece);
      bytes += buffer.length;
      if (bytes > MAX_REGISTER_BYTES) throw new Refusal(413, `A register holds at most ${MAX_REGISTER_BYTES} bytes.`);
      pieces.push(buffer);
    }
  } catch (error) {
    // Who has gone in the midst of it has asked for nothing.
    throw error instanceof Refusal ? error : new Refusal(400, errorText(error));
  }
  return Buffer.concat(pieces).toString("utf8");
}

function fail(options: ArbiterServerOptions, response: ServerResponse, error: unknown): void {
  const refusal = error instanceof Refusal ? error : undefined;
  if (refusal === undefined) options.log(errorText(error));
  const status = refusal?.status ?? 500;
  if (!response.headersSent)
    response.writeHead(status, { "content-type": "text/plain", connection: "close", ...refusal?.headers });
  response.end(`${errorText(error)}\n`);
  const broken = error instanceof SystoleError && error.code !== "too-many-requests" && error.code !== "store-damaged";
  if (broken || (refusal === undefined && !(error instanceof SystoleError))) options.onBroken(error);
}
