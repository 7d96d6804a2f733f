// A register on a web server, by conditional requests (RFC 9110, section 13): GET tells the content and its ETag, PUT with If-Match
// replaces what has that ETag, PUT with If-None-Match: * creates what is not there. `systole arbiter` is such a server; another one must
// obey If-Match for PUT and keep what it has answered.

import { AgentError, defineArbiter, type RegisterContent, Secret, Type } from "systole/sdk";

/** Of an answer that is no good, so much is quoted. */
const QUOTED_CHARACTERS = 200;

interface Parameters {
  readonly token?: string;
  readonly ca?: string;
  readonly pinSha256?: string;
}

/** What every request has. */
function common({ token, ca, pinSha256 }: Parameters) {
  const proof = { ...(ca === undefined ? {} : { ca }), ...(pinSha256 === undefined ? {} : { pinSha256 }) };
  const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return { authorization, tls: Object.keys(proof).length === 0 ? {} : { tls: proof } };
}

function unexpected(what: string, { status, text }: { readonly status: number; readonly text: string }): AgentError {
  const said = text.trim().slice(0, QUOTED_CHARACTERS);
  const hint = status === 401 || status === 403 ? " Check the token on both sides." : "";
  return new AgentError("generic", `The server answered ${status} to ${what}${said === "" ? "." : `: ${said}`}${hint}`);
}

function contentOf(text: string, etag: string | undefined): RegisterContent {
  // A weak tag says that two contents mean the same, not that they are the same (RFC 9110, section 8.8.1).
  if (etag === undefined || !/^"[^"]*"$/.test(etag))
    throw new AgentError(
      "not-configured",
      `The server gives ${etag === undefined ? "no ETag" : "a weak ETag"}, so it cannot tell one content from another. Use a server that gives strong ETags, such as "systole arbiter".`,
    );
  return { text, tag: etag };
}

export default defineArbiter({
  name: "http-register",
  summary: "A register on a web server, by PUT with If-Match",
  parameters: Type.Object({
    url: Type.String({
      description:
        "Of the register, another one for each cluster, such as https://third.example.net:7800/registers/shop",
      pattern: "^https?://",
    }),
    token: Type.Optional(Secret("Sent as authorization: Bearer TOKEN")),
    ca: Type.Optional(
      Type.String({ description: "Certificate authorities in PEM that are trusted instead of this machine's" }),
    ),
    pinSha256: Type.Optional(
      Type.String({ description: "SHA-256 of the server's certificate in hexadecimal: this one, whoever signed it" }),
    ),
  }),
  permissions: { net: ["{url}"] },
  timeouts: { read: "5s", replace: "5s" },
  async read({ fetch, params }) {
    const { authorization, tls } = common(params);
    const answer = await fetch(params.url, { headers: { ...authorization, "cache-control": "no-cache" }, ...tls });
    if (answer.status === 404) return undefined;
    if (answer.status !== 200) throw unexpected("GET", answer);
    return contentOf(answer.text, answer.headers["etag"]);
  },
  async replace({ text, expectedTag }, { fetch, params }) {
    const { authorization, tls } = common(params);
    const condition: Record<string, string> =
      expectedTag === undefined ? { "if-none-match": "*" } : { "if-match": expectedTag };
    const headers = { ...authorization, ...condition, "content-type": "application/json" };
    const answer = await fetch(params.url, { method: "PUT", headers, body: text, ...tls });
    if (answer.status === 200 || answer.status === 201 || answer.status === 204) return "replaced";
    if (answer.status === 412) return "conflict";
    throw unexpected("PUT", answer);
  },
});
