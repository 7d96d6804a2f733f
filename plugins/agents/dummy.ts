// A service of which nothing depends: one sleeping process. Everything about it is real (it is started, found again after a
// restart of Systole, killed by fencing), so it stands in for a service in trials and tests.

import { Duration, defineResourceAgent, Type } from "systole/sdk";

export default defineResourceAgent({
  name: "dummy",
  summary: "A sleeping process that stands in for a service",
  parameters: Type.Object({
    delay: Duration("How long each start and stop takes", { defaultMs: 0 }),
  }),
  permissions: { daemon: ["sleep infinity"] },
  timeouts: { monitor: "5s", start: "10s", stop: "10s" },
  async monitor({ daemon }) {
    const { identity } = await daemon.adopt();
    return identity === undefined ? "stopped" : "running";
  },
  async start({ daemon, params, sleep }) {
    await sleep(params.delay);
    await daemon.start("sleep", ["infinity"]);
  },
  async stop({ daemon, params, sleep }) {
    await sleep(params.delay);
    await daemon.stop();
  },
});
