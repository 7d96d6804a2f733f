// A service that is a marker file: the smallest agent that is true. Replace the three functions by those of your service.

import { AgentError, defineResourceAgent, Type } from "systole/sdk";

export default defineResourceAgent({
  name: "example-agent",
  summary: "Keeps a marker file in place",
  parameters: Type.Object({
    file: Type.String({ description: "Absolute path of the marker file", pattern: "^/" }),
    text: Type.String({ description: "What stands in it", default: "here" }),
  }),
  // What is not declared here does not exist in ctx. Placeholders are parameters.
  permissions: { read: ["{file}"], write: ["{file}"] },
  // Suggestions for those who configure it; the operation's timeout in the CIB counts.
  timeouts: { monitor: "5s", start: "10s", stop: "10s" },

  // Look, and change nothing. "stopped" means that nothing of it is left; half a service is { failed: "how" }.
  async monitor({ fs, params }) {
    const text = await fs.readText(params.file);
    if (text === undefined) return "stopped";
    return text === params.text ? "running" : { failed: `${params.file} holds something else` };
  },

  // Resolve when the service works. May be called when it runs already.
  async start({ fs, log, params }) {
    if (params.file.endsWith("/")) throw new AgentError("not-configured", `${params.file} is a folder, not a file.`);
    await fs.writeText(params.file, params.text);
    log.info(`${params.file} is in place.`);
  },

  // Resolve when nothing of it is left. If this rejects or is late, the node is fenced.
  async stop({ fs, params }) {
    await fs.remove(params.file);
  },
});
