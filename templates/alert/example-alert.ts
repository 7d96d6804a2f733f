// Tells a chat of what happens: POST to the room's address with a line of text. Replace the request by that of your service.

import { AgentError, defineAlertSink, Secret, Type } from "systole/sdk";

export default defineAlertSink({
  name: "example-alert",
  summary: "Writes alerts into a room of a chat",
  parameters: Type.Object({
    url: Type.String({
      description: "Address of the room, such as https://chat.example.net/rooms/operators",
      pattern: "^https?://",
    }),
    // Blotted out of every log, status and error.
    token: Secret("Token of the chat's user"),
  }),
  // What is not declared here does not exist in ctx. Placeholders are parameters.
  permissions: { net: ["{url}"] },
  timeouts: { deliver: "10s" },

  // Resolve when it has arrived. Reject when it has not: it is tried again for a while, later alerts wait behind it. So an alert
  // may come twice; alert.deliveryId is then the same.
  async deliver(alert, { fetch, params }) {
    const urgent = (alert.kind === "node" && alert.state === "lost") || (alert.kind === "fencing" && !alert.ok);
    const { status } = await fetch(params.url, {
      method: "POST",
      headers: { authorization: `Bearer ${params.token}`, "idempotency-key": alert.deliveryId },
      body: `${urgent ? "URGENT " : ""}${alert.timestamp} ${alert.text}`,
    });
    if (status >= 300) throw new AgentError("generic", `The chat answered ${status}.`);
  },
});
