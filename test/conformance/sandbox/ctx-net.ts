// Tricks with addresses against ctx.fetch, ctx.tcp and ctx.udp. Granted are http://127.0.0.1:HTTP/allowed/* and, by the
// operator's parameter `peer`, a name's TCP port and a UDP port; the name leads to this machine.

import type { Topic } from "./probe.ts";

export const ctxNet: Topic = {
  topic: "ctx.fetch, ctx.tcp, ctx.udp",
  probes: [
    { name: "another path", attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/" + mark);` },
    {
      name: "a path back out",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/../" + mark);`,
    },
    {
      name: "a path back out, in percent signs",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/%2e%2e/" + mark);`,
    },
    {
      name: "a path back out, the server's way",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/..%2f" + mark);`,
    },
    {
      name: "a path back out, twice in percent signs",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/%252e%252e%252f" + mark);`,
    },
    {
      name: "a path back out with backslashes",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/..%5c" + mark);`,
    },
    {
      name: "a path back out with something behind a semicolon",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/..;x=y/" + mark);`,
    },
    {
      name: "a path back out, in more bytes than it needs",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/%c0%ae%c0%ae%c0%af" + mark);`,
    },
    {
      name: "another host of the same server, by a header",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/x", { headers: { hOsT: mark + ".example" } });`,
    },
    {
      name: "the same address as a part of IPv6",
      attempt: `await ctx.fetch("http://[::ffff:127.0.0.1]:" + world.httpPort + "/" + mark);`,
    },
    {
      name: "a redirect",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/redirect/" + [...mark].reverse().join(""));`,
    },
    {
      name: "another port",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.otherPort + "/allowed/" + mark, { timeoutMs: 1_000 });`,
    },
    {
      name: "a host in the place of the user",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "@127.0.0.1:" + world.otherPort + "/allowed/" + mark, { timeoutMs: 1_000 });`,
    },
    {
      name: "a host before a backslash",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.otherPort + "\\\\@127.0.0.1:" + world.httpPort + "/allowed/" + mark, { timeoutMs: 1_000 });`,
    },
    {
      name: "a host before a line end",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.otherPort + "\\n/allowed/../" + mark, { timeoutMs: 1_000 });`,
    },
    {
      name: "another spelling of the host",
      attempt: `await ctx.fetch("http://2130706433:" + world.httpPort + "/" + mark);`,
    },
    { name: "a file's address", attempt: `return (await ctx.fetch("file://" + world.secret)).text;` },
    {
      name: "a request within a header",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/x", { headers: { x: "y\\r\\n\\r\\nGET /" + mark + " HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" } });`,
    },
    {
      name: "a request within the method",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/x", { method: "GET /" + mark + " HTTP/1.1\\r\\nHost: x\\r\\n\\r\\nGET" });`,
    },
    {
      name: "a request behind a body that is too long",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/x", { method: "POST", headers: { "content-length": "1" }, body: "xGET /" + mark + " HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" });`,
    },
    {
      name: "a tunnel by CONNECT",
      attempt: `return (await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/x", { method: "CONNECT", timeoutMs: 500 })).text;`,
    },
    {
      name: "another protocol by Upgrade",
      attempt: `await ctx.fetch("http://127.0.0.1:" + world.httpPort + "/allowed/../" + mark, { headers: { connection: "upgrade", upgrade: "websocket" }, timeoutMs: 500 });`,
    },
    {
      name: "a name that leads to this machine",
      attempt: `const c = await ctx.tcp.connect({ host: "0x7f000001", port: world.tcpPort }); return new TextDecoder().decode(await c.read());`,
    },
    {
      name: "a TCP port that is not granted",
      attempt: `const c = await ctx.tcp.connect({ host: "127.0.0.1", port: world.tcpPort }); return new TextDecoder().decode(await c.read());`,
    },
    {
      name: "a unix socket in the place of a host",
      attempt: `const c = await ctx.tcp.connect({ host: world.unixSocket, port: 1 }); return new TextDecoder().decode(await c.read());`,
    },
    {
      name: "a datagram to a port that is not granted",
      attempt: `const s = await ctx.udp.bind({ address: "127.0.0.1", port: 0 }, () => {}); s.send(new TextEncoder().encode("a datagram: " + mark), "127.0.0.1", world.udpPort); await ctx.sleep(200); await s.close();`,
    },
    {
      name: "listening on every address",
      attempt: `const s = await ctx.udp.bind({ address: "0.0.0.0", port: 0 }, () => {}); await s.close(); return s.port > 0 && world.proof;`,
    },
    {
      name: "a datagram to a name that leads to this machine",
      attempt: `const s = await ctx.udp.bind({ address: "127.0.0.1", port: 0 }, () => {}); s.send(new TextEncoder().encode("a datagram: " + mark), "0x7f000001", world.udpPort); await ctx.sleep(300); await s.close();`,
    },
  ],
};
