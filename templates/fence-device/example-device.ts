// A power switch with an HTTP interface: GET /plugs/NAME answers "on" or "off", PUT switches. Replace the requests by those
// of your device.

import { AgentError, defineFenceDevice, Secret, Type } from "systole/sdk";

interface Parameters {
  readonly url: string;
  readonly password: string;
}

function plugUrl(params: Parameters, target: string): string {
  return `${params.url}/plugs/${encodeURIComponent(target)}`;
}

function login(params: Parameters): Record<string, string> {
  return { authorization: `Bearer ${params.password}` };
}

export default defineFenceDevice({
  name: "example-device",
  summary: "Switches plugs of a power switch over HTTP",
  parameters: Type.Object({
    url: Type.String({
      description: "Address of the switch, such as https://pdu.example.net",
      pattern: "^https?://[^/]+$",
    }),
    // Blotted out of every log, status and error.
    password: Secret("Password of the switch"),
  }),
  // What is not declared here does not exist in ctx. Placeholders are parameters.
  permissions: { net: ["{url}/plugs/*"] },
  timeouts: { power: "5s", setPower: "10s" },

  // Read, and change nothing. "unknown" is honest; a guessed "off" corrupts data.
  async power(target, { fetch, params }) {
    const { status, text } = await fetch(plugUrl(params, target), { headers: login(params) });
    if (status !== 200) throw new AgentError("generic", `The switch answered ${status} for plug ${target}.`);
    const power = text.trim();
    return power === "on" || power === "off" ? power : "unknown";
  },

  // Switch. No need to wait: the cluster reads the power until it is as wanted, or the deadline has passed.
  async setPower(target, want, { fetch, params }) {
    const { status } = await fetch(plugUrl(params, target), { method: "PUT", body: want, headers: login(params) });
    if (status >= 300)
      throw new AgentError("generic", `The switch answered ${status} when plug ${target} was switched ${want}.`);
  },
});
