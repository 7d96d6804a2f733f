// Reaching the net by whatever speaks to it.

import type { Topic } from "./probe.ts";

export const net: Topic = {
  topic: "net",
  probes: [
    {
      name: "TCP by Deno.connect",
      attempt: `const c = await Deno.connect({ hostname: "127.0.0.1", port: world.tcpPort });
        const b = new Uint8Array(64); const n = await c.read(b); c.close(); return new TextDecoder().decode(b.subarray(0, n));`,
    },
    {
      name: "TLS by Deno.connectTls",
      attempt: `await Deno.connectTls({ hostname: "127.0.0.1", port: world.tcpPort, alpnProtocols: [mark] });`,
    },
    {
      name: "unix socket by Deno.connect",
      attempt: `const c = await Deno.connect({ transport: "unix", path: world.unixSocket });
        const b = new Uint8Array(64); const n = await c.read(b); c.close(); return new TextDecoder().decode(b.subarray(0, n));`,
    },
    {
      name: "listening by Deno.listen",
      attempt: `const l = Deno.listen({ hostname: "127.0.0.1", port: 0 }); const ok = l.addr.port > 0; l.close(); return ok && world.proof;`,
    },
    {
      name: "listening by Deno.serve",
      attempt: `const s = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("x"));
        const ok = s.addr.port > 0; await s.shutdown(); return ok && world.proof;`,
    },
    {
      name: "listening on a unix socket",
      attempt: `const l = Deno.listen({ transport: "unix", path: world.out + "/" + mark }); await Deno.stat(world.out + "/" + mark); l.unref(); return world.proof;`,
    },
    {
      name: "HTTP by fetch",
      attempt: `return await (await fetch("http://127.0.0.1:" + world.httpPort + "/" + mark)).text();`,
    },
    {
      name: "HTTP by fetch through a proxy",
      attempt: `const client = Deno.createHttpClient({ proxy: { url: "http://127.0.0.1:" + world.httpPort } });
        return await (await fetch("http://192.0.2.1/" + mark, { client })).text();`,
    },
    {
      name: "WebSocket",
      attempt: `await new Promise((done) => { const s = new WebSocket("ws://127.0.0.1:" + world.httpPort + "/" + mark); s.onopen = s.onerror = s.onclose = done; });`,
    },
    {
      name: "EventSource",
      attempt: `await new Promise((done) => { const s = new EventSource("http://127.0.0.1:" + world.httpPort + "/" + mark); s.onerror = s.onopen = () => { s.close(); done(); }; });`,
    },
    {
      name: "DNS by Deno.resolveDns",
      attempt: `const found = await Deno.resolveDns(mark + ".example", "A", { nameServer: { ipAddr: "127.0.0.1", port: world.udpPort } }); return found[0] === "127.0.0.1" && world.proof;`,
    },
    {
      name: "DNS by node:dns lookup",
      attempt: `const dns = await import("node:dns/promises"); const { address } = await dns.lookup("localhost"); return address && world.proof;`,
    },
    {
      name: "DNS by node:dns Resolver",
      attempt: `const dns = await import("node:dns/promises"); const r = new dns.Resolver(); r.setServers(["127.0.0.1:" + world.udpPort]);
        return (await r.resolve4(mark + ".example"))[0] === "127.0.0.1" && world.proof;`,
    },
    {
      name: "TCP by node:net",
      attempt: `const { connect } = await import("node:net");
        return await new Promise((done, fail) => { const s = connect(world.tcpPort, "127.0.0.1"); s.once("data", (b) => { s.destroy(); done(b.toString()); }); s.once("error", fail); });`,
    },
    {
      name: "unix socket by node:net",
      attempt: `const { connect } = await import("node:net");
        return await new Promise((done, fail) => { const s = connect(world.unixSocket); s.once("data", (b) => { s.destroy(); done(b.toString()); }); s.once("error", fail); });`,
    },
    {
      name: "listening by node:net",
      attempt: `const { createServer } = await import("node:net");
        return await new Promise((done, fail) => { const s = createServer(); s.once("error", fail); s.listen(0, "127.0.0.1", () => { s.close(); done(world.proof); }); });`,
    },
    {
      name: "UDP by node:dgram",
      attempt: `const { createSocket } = await import("node:dgram"); const s = createSocket("udp4");
        return await new Promise((done, fail) => { s.once("error", fail); s.once("message", () => { s.close(); done(world.proof); }); s.send("a-long-enough-datagram " + mark, world.udpPort, "127.0.0.1", (e) => e && fail(e)); });`,
    },
    {
      name: "HTTP by node:http",
      attempt: `const http = await import("node:http");
        return await new Promise((done, fail) => http.get("http://127.0.0.1:" + world.httpPort + "/" + mark, (r) => { let t = ""; r.on("data", (b) => (t += b)); r.on("end", () => done(t)); }).on("error", fail));`,
    },
    {
      name: "HTTP/2 by node:http2",
      attempt: `const http2 = await import("node:http2");
        return await new Promise((done, fail) => { const s = http2.connect("http://127.0.0.1:" + world.tcpPort); s.on("error", fail); s.on("connect", () => { s.destroy(); done(world.proof); }); });`,
    },
    {
      name: "TLS by node:tls",
      attempt: `const { connect } = await import("node:tls");
        await new Promise((done) => { const s = connect({ host: "127.0.0.1", port: world.tcpPort, servername: mark + ".example" }); s.on("error", done); });`,
    },
    {
      name: "the inspector's port by node:inspector",
      attempt: `const inspector = await import("node:inspector"); inspector.open(0, "127.0.0.1"); const url = inspector.url(); inspector.close(); return url && world.proof;`,
    },
  ],
};
