// Doors that runtimes have got of late, or keep for tools: newer protocols, the debugger from within, databases over the net, the
// machine's graphics processor, signals.

import { QUIC_PROBES, type Topic } from "./probe.ts";

/** Begins a conversation by QUIC that nobody takes up: it is heard at its port, whatever is said here. */
const beginning = (door: string): string =>
  `const late = new Promise((done) => setTimeout(done, 400)); await Promise.race([${door}, late]);`;

const [CONNECT_QUIC, WEB_TRANSPORT] = QUIC_PROBES;

export const doors: Topic = {
  topic: "newer doors",
  probes: [
    {
      name: CONNECT_QUIC,
      attempt: beginning(
        `Deno.connectQuic({ hostname: "127.0.0.1", port: world.quicPorts[mark.split("-")[0]][0], alpnProtocols: ["x"] })`,
      ),
    },
    {
      name: "listening for QUIC by Deno.QuicEndpoint",
      attempt: `const e = new Deno.QuicEndpoint({ hostname: "127.0.0.1", port: 0 }); const { port } = e.addr; e.close(); return port > 0 && world.proof;`,
    },
    {
      name: WEB_TRANSPORT,
      attempt: beginning(`new WebTransport("https://127.0.0.1:" + world.quicPorts[mark.split("-")[0]][1] + "/").ready`),
    },
    {
      name: "UDP by Deno.listenDatagram",
      attempt: `const s = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
        await s.send(new TextEncoder().encode(mark), { hostname: "127.0.0.1", port: world.udpPort, transport: "udp" });
        await new Promise((done) => setTimeout(done, 100)); s.close();`,
    },
    {
      name: "a database over HTTP by Deno.openKv",
      attempt: `try { Deno.env.set("DENO_KV_ACCESS_TOKEN", "0123456789ab"); } catch {}
        await Deno.openKv("http://127.0.0.1:" + world.http2Port + "/" + mark);`,
    },
    {
      name: "a native addon that is there, by require",
      attempt: `const { createRequire } = await import("node:module"); const loaded = createRequire("file://" + world.folder + "/x.js")(world.addon);
        return Object.keys(loaded).length > 0 && world.proof;`,
    },
    {
      name: "a native addon that is there, by process.dlopen",
      attempt: `const p = (await import("node:process")).default; const module = { exports: {} }; p.dlopen(module, world.addon);
        return Object.keys(module.exports).length > 0 && world.proof;`,
    },
    {
      name: "text becoming code by the debugger within",
      attempt: `const { Session } = await import("node:inspector"); const s = new Session(); s.connect();
        const got = await new Promise((done, failed) => s.post("Runtime.evaluate", { expression: JSON.stringify(world.proof) }, (e, r) => e ? failed(e) : done(r)));
        return got.result.value;`,
      outsideIn: "node",
    },
    {
      name: "a file by the Session of the debugger",
      attempt: `const { Session } = await import("node:inspector"); const s = new Session(); s.connect();
        const expression = "process.getBuiltinModule('fs').readFileSync(" + JSON.stringify(world.secret) + ", 'utf8')";
        const got = await new Promise((done, failed) => s.post("Runtime.evaluate", { expression }, (e, r) => e ? failed(e) : done(r)));
        return got.result.value;`,
      outsideIn: "node",
    },
    {
      name: "bytes by a computed address",
      attempt: `const { default: bytes } = await import("file://" + world.folder + "/" + "secret.txt", { with: { type: "bytes" } });
        return new TextDecoder().decode(bytes);`,
    },
    {
      name: "the graphics processor by WebGPU",
      attempt: `return typeof navigator.gpu.requestAdapter === "function" && world.proof;`,
      places: ["outside", "plugin"],
    },
    {
      name: "catching signals by Deno.addSignalListener",
      attempt: `const ignore = () => {}; Deno.addSignalListener("SIGTERM", ignore); Deno.removeSignalListener("SIGTERM", ignore); return world.proof;`,
      places: ["outside", "plugin"],
    },
    {
      name: "the rights of new files by Deno.umask",
      attempt: `const before = Deno.umask(0); Deno.umask(before); return world.proof;`,
      places: ["outside", "plugin"],
    },
  ],
};
