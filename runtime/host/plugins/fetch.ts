// One HTTP request for a plugin: whole answer in memory, capped; no redirect is followed (the plugin would ask again, and
// be checked again); no connection is kept, because the next monitor is seconds away and the server may be another by then.

import { AgentError, type FetchOptions, type FetchResult } from "../../../sdk/mod.ts";
import { errorText, systemCode } from "../errors.ts";

const BODY_LIMIT_BYTES = 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 30_000;

type Http = typeof import("./http.ts");

let agent: InstanceType<Http["Agent"]> | undefined;

/** Loads undici ahead of the first request: that takes longer than the request. */
export async function warmFetch(): Promise<Http> {
  const http = await import("./http.ts");
  agent ??= new http.Agent({ pipelining: 0, maxHeaderSize: 64 * 1024 });
  return http;
}

function plainHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name.toLowerCase()] = Array.isArray(value) ? value.join(", ") : value;
  }
  return plain;
}

/** Asks; see `Fetch` in sdk/context.ts for how it rejects. */
export async function fetchWhole(url: string, options: FetchOptions, signal: AbortSignal): Promise<FetchResult> {
  const http = await warmFetch();
  const deadline = AbortSignal.timeout(options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  try {
    const response = await http.request(url, {
      method: options.method ?? "GET",
      headers: { ...options.headers },
      body: options.body ?? null,
      signal: AbortSignal.any([signal, deadline]),
      ...(agent === undefined ? {} : { dispatcher: agent }),
    });
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response.body) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > BODY_LIMIT_BYTES)
        throw new AgentError("generic", `${url} answered with more than ${BODY_LIMIT_BYTES} bytes.`);
      chunks.push(bytes);
    }
    return {
      status: response.statusCode,
      headers: plainHeaders(response.headers),
      text: Buffer.concat(chunks).toString("utf8"),
    };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof AgentError) throw error;
    if (deadline.aborted)
      throw new AgentError("generic", `${url} did not answer within ${options.timeoutMs ?? DEFAULT_TIMEOUT_MS} ms.`);
    throw new AgentError("generic", `${url} cannot be reached (${systemCode(error) || errorText(error)}).`);
  }
}
