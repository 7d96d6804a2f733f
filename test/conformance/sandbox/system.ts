// What this machine is and whom it belongs to: environment, users, addresses, load; and asking for more rights.

import type { Topic } from "./probe.ts";

const VARIABLE = "SYSTOLE_PROBE_SECRET";

export const system: Topic = {
  topic: "system",
  probes: [
    { name: "a variable by Deno.env", attempt: `return Deno.env.get("${VARIABLE}");` },
    {
      name: "all variables by Deno.env",
      attempt: `return Object.values(Deno.env.toObject()).find((value) => value === world.proof);`,
    },
    {
      name: "a variable by process.env",
      attempt: `const p = (await import("node:process")).default; return p.env.${VARIABLE};`,
    },
    {
      name: "setting a variable",
      attempt: `Deno.env.set("X", world.proof); return Deno.env.get("X");`,
    },
    { name: "the name of this machine", attempt: `return Deno.hostname() && world.proof;` },
    { name: "the release of the kernel", attempt: `return Deno.osRelease() && world.proof;` },
    { name: "the load of this machine", attempt: `return Deno.loadavg().length > 0 && world.proof;` },
    { name: "the memory of this machine", attempt: `return Deno.systemMemoryInfo().total > 0 && world.proof;` },
    { name: "the time since boot", attempt: `return Deno.osUptime() > 0 && world.proof;` },
    { name: "the interfaces of this machine", attempt: `return Deno.networkInterfaces().length > 0 && world.proof;` },
    { name: "the user's number", attempt: `return Deno.uid() !== null && world.proof;` },
    {
      name: "the name of this machine by node:os",
      attempt: `const os = await import("node:os"); return os.hostname() && world.proof;`,
    },
    {
      name: "the user by node:os",
      attempt: `const os = await import("node:os"); return os.userInfo().username && world.proof;`,
    },
    {
      name: "the interfaces by node:os",
      attempt: `const os = await import("node:os"); return Object.keys(os.networkInterfaces()).length > 0 && world.proof;`,
    },
    {
      name: "the home folder by node:os",
      attempt: `const os = await import("node:os"); return os.homedir() && world.proof;`,
    },
    {
      name: "asking for a grant",
      attempt: `const { state } = await Deno.permissions.request({ name: "read" }); return state === "granted" && world.proof;`,
    },
    {
      name: "asking for the grant of programs",
      attempt: `const { state } = await Deno.permissions.request({ name: "run" }); return state === "granted" && world.proof;`,
    },
    {
      name: "text becoming code, by Function",
      attempt: `return new Function("return arguments[0]")(world.proof);`,
    },
    { name: "text becoming code, by eval", attempt: `return (0, eval)(JSON.stringify(world.proof));` },
    {
      name: "text becoming code, by an AsyncFunction",
      attempt: `return await (async () => {}).constructor("return " + JSON.stringify(world.proof))();`,
    },
    {
      name: "machine code by WebAssembly",
      attempt: `const m = await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])); return m && world.proof;`,
      places: ["plugin"],
    },
    {
      name: "other contexts by BroadcastChannel",
      attempt: `const c = new BroadcastChannel("x"); c.close(); return world.proof;`,
      places: ["plugin"],
    },
    {
      name: "Deno's own name in the global object",
      attempt: `return typeof Deno === "object" && Deno !== null && world.proof;`,
      places: ["plugin"],
    },
    {
      name: "a process object in the global object",
      attempt: `return typeof process === "object" && process !== null && world.proof;`,
      places: ["plugin"],
    },
  ],
};
