// Tells a web server of each alert: one POST with the alert as JSON. An answer of 2xx means that it has arrived; anything else is
// tried again. With a key, each request is signed, so that the server can tell who sent it and that nothing was changed.

import { createHmac } from "node:crypto";
import { AgentError, type Alert, defineAlertSink, Secret, Type } from "systole/sdk";

/** Of an answer that is no good, so much is quoted. */
const QUOTED_CHARACTERS = 200;

function headersFor(
  alert: Alert,
  body: string,
  key: string | undefined,
  token: string | undefined,
): Record<string, string> {
  const signature = key === undefined ? undefined : createHmac("sha256", key).update(body).digest("hex");
  return {
    "content-type": "application/json",
    // The same again when an alert comes a second time.
    "x-systole-delivery": alert.deliveryId,
    ...(signature === undefined ? {} : { "x-systole-signature": `sha256=${signature}` }),
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
}

export default defineAlertSink({
  name: "webhook",
  summary: "Posts each alert as JSON to a web server",
  parameters: Type.Object({
    url: Type.Optional(
      Type.String({
        description: "Where to post to; without it, to the value of the recipient",
        pattern: "^https?://",
      }),
    ),
    key: Type.Optional(
      Secret("Key of the signature, HMAC-SHA256 of the body, in the header x-systole-signature: sha256=HEX"),
    ),
    token: Type.Optional(Secret("Sent as authorization: Bearer TOKEN")),
    ca: Type.Optional(
      Type.String({ description: "Certificate authorities in PEM that are trusted instead of this machine's" }),
    ),
    pinSha256: Type.Optional(
      Type.String({ description: "SHA-256 of the server's certificate in hexadecimal: this one, whoever signed it" }),
    ),
  }),
  permissions: { net: ["{url}", "{recipient}"] },
  timeouts: { deliver: "10s" },
  async deliver(alert, { fetch, params }) {
    const url = params.url ?? alert.recipient;
    if (url === undefined)
      throw new AgentError(
        "not-configured",
        "There is no URL: set the instance attribute url, or add a recipient with one.",
      );
    const body = JSON.stringify(alert);
    const { ca, pinSha256, key, token } = params;
    const proof = { ...(ca === undefined ? {} : { ca }), ...(pinSha256 === undefined ? {} : { pinSha256 }) };
    const tls = Object.keys(proof).length === 0 ? {} : { tls: proof };
    const headers = headersFor(alert, body, key, token);
    const { status, text } = await fetch(url, { method: "POST", headers, body, ...tls });
    if (status >= 200 && status < 300) return;
    const said = text.trim().slice(0, QUOTED_CHARACTERS);
    throw new AgentError("generic", `The server answered ${status}${said === "" ? "" : `: ${said}`}`);
  },
});
