// One HTTP request for a plugin: whole answer in memory, capped; no redirect is followed (the plugin would ask again, and
// be checked again); no connection is kept, because the next monitor is seconds away and the server may be another by then.

import { type LookupFunction, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { AgentError, type FetchOptions, type FetchResult, type TlsOptions } from "../../../sdk/mod.ts";
import { errorText, systemCode } from "../errors.ts";
import type { Grants } from "./grants.ts";
import { resolveGranted } from "./names.ts";
import { PluginError } from "./plugin-error.ts";

const BODY_LIMIT_BYTES = 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };

type Http = typeof import("./http.ts");
type Dispatcher = InstanceType<Http["Agent"]>;

const AGENT_OPTIONS = { pipelining: 0, maxHeaderSize: 64 * 1024 };

let http: Promise<Http> | undefined;
/** For hosts that are addresses, and need nothing of their own. */
let plain: Dispatcher | undefined;

/** Loads undici ahead of the first request: that takes longer than the request. */
export async function warmFetch(): Promise<Http> {
  http ??= import("./http.ts");
  const loaded = await http;
  plain ??= new loaded.Agent(AGENT_OPTIONS);
  return loaded;
}

function plainHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return result;
}

/** Hexadecimal, without colons: `AB:CD` and `abcd` are the same fingerprint. */
function fingerprint(written: string): string {
  return written.replace(/[^0-9a-f]/gi, "").toLowerCase();
}

/** How a server proves who it is. With a pin, its certificate is the proof, whoever signed it. */
export function tlsConnection(tls: TlsOptions | undefined): { ca?: string; rejectUnauthorized?: boolean } {
  if (tls?.pinSha256 !== undefined) return { rejectUnauthorized: false };
  return tls?.ca === undefined ? {} : { ca: tls.ca };
}

/** What is wrong with the certificate of a pinned server; undefined if it is the one. */
export function pinProblem(socket: TLSSocket, tls: TlsOptions | undefined): string | undefined {
  if (tls?.pinSha256 === undefined) return undefined;
  const shown = socket.getPeerCertificate().fingerprint256 ?? "";
  return fingerprint(shown) === fingerprint(tls.pinSha256)
    ? undefined
    : `shows a certificate with SHA-256 ${shown === "" ? "nothing" : shown}, which is not the pinned one`;
}

/** Connections of one request: to the address that was checked, with the server's proof as wanted. */
function ownAgent({ Agent, buildConnector }: Http, url: URL, tls: TlsOptions | undefined, grants: Grants): Dispatcher {
  const port = url.port === "" ? (DEFAULT_PORTS[url.protocol] ?? 0) : Number(url.port);
  const lookup: LookupFunction = (hostname, options, done) => {
    resolveGranted(hostname, port, grants).then(
      (found) => {
        const [first] = found;
        if (options.all === true) done(null, [...found]);
        else done(null, first?.address ?? "", first?.family);
      },
      (error: Error) => done(error, ""),
    );
  };
  const connect = buildConnector({ ...tlsConnection(tls), lookup });
  return new Agent({
    ...AGENT_OPTIONS,
    connect(options, done) {
      connect(options, (...[error, socket]) => {
        if (!(socket instanceof Socket)) {
          done(error ?? new Error("no connection"), null);
          return;
        }
        const problem = socket instanceof TLSSocket ? pinProblem(socket, tls) : undefined;
        if (problem === undefined) {
          done(null, socket);
          return;
        }
        socket.destroy();
        done(new AgentError("generic", `${url.host} ${problem}.`), null);
      });
    },
  });
}

function isAddress(url: URL): boolean {
  return url.hostname.startsWith("[") || /^[\d.]+$/.test(url.hostname);
}

/** Asks; see `Fetch` in sdk/context.ts for how it rejects. The grants have allowed the URL as it is written. */
export async function fetchWhole(
  address: string,
  options: FetchOptions,
  signal: AbortSignal,
  grants: Grants,
): Promise<FetchResult> {
  const loaded = await warmFetch();
  const url = new URL(address);
  const own = isAddress(url) && options.tls === undefined ? undefined : ownAgent(loaded, url, options.tls, grants);
  const dispatcher = own ?? plain;
  const deadline = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  try {
    const response = await loaded.request(url, {
      method: options.method ?? "GET",
      headers: { ...options.headers },
      body: options.body ?? null,
      signal: AbortSignal.any([signal, deadline]),
      ...(dispatcher === undefined ? {} : { dispatcher }),
    });
    return {
      status: response.statusCode,
      headers: plainHeaders(response.headers),
      text: await wholeText(response.body, address),
    };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof AgentError || error instanceof PluginError) throw error;
    if (deadline.aborted)
      throw new AgentError(
        "generic",
        `${address} did not answer within ${options.timeoutMs ?? DEFAULT_TIMEOUT_MS} ms.`,
      );
    throw new AgentError("generic", `${address} cannot be reached (${systemCode(error) || errorText(error)}).`);
  } finally {
    own?.destroy().catch(() => undefined);
  }
}

async function wholeText(body: AsyncIterable<unknown>, address: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) continue;
    size += chunk.length;
    if (size > BODY_LIMIT_BYTES)
      throw new AgentError("generic", `${address} answered with more than ${BODY_LIMIT_BYTES} bytes.`);
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks).toString("utf8");
}
