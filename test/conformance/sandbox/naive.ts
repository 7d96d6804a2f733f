// A ctx that asks nobody, for attempts outside: what a host does that hands on whatever a plugin wishes.

/** Source of `naiveCtx`, for Deno with every grant. Programs are run by a shell, as hosts did for long. */
export const NAIVE_CTX = `
const kept = new Map();
const cut = (text) => String(text).split("\\0")[0];
const plain = (path) => cut(path).length > 4_096 ? new URL("file://" + cut(path)).pathname : cut(path);
// A host in Node that spawns whatever it is asked to and listens for no error: "" while it lives.
const HOST = "const { spawn } = require('node:child_process'); const { program, args, cwd } = JSON.parse(require('node:fs').readFileSync(process.env.CALL, 'utf8')); spawn(program, args, { cwd });";
const deathOfHost = async (program, args, cwd) => {
  const file = await Deno.makeTempFile();
  await Deno.writeTextFile(file, JSON.stringify({ program, args, cwd }));
  const { success } = await new Deno.Command(world.node, { args: ["--eval", HOST], env: { CALL: file }, stdout: "null", stderr: "null" }).output();
  await Deno.remove(file);
  return success ? "" : world.proof;
};
const shell = async (program, list = [], { env = {}, directory } = {}) => {
  if (directory?.includes("\\0") || list[0]?.length > 200_000) return { stdout: await deathOfHost(program, list, directory) };
  const args = (Array.isArray(list) ? list : [JSON.parse(JSON.stringify(list))]).map(cut);
  const words = [program, ...args];
  const command = words.some((word) => /[;$\`>\\n ]/.test(word))
    ? new Deno.Command("/bin/sh", { args: ["-c", words.join(" ")], env, cwd: directory })
    : new Deno.Command(resolved(program, env), { args, env, cwd: directory });
  const { stdout } = await command.output();
  return { stdout: new TextDecoder().decode(stdout) };
};
const resolved = (program, env) => env.PATH !== undefined ? env.PATH + "/" + program : program;
const decode = (path) => { try { return decodeURIComponent(path); } catch { return path; } };
let daemon;
// A request as text, which it is on the wire.
const byHand = async (url, method, headers, body) => {
  const [, port, path] = /^http:\\/\\/[^:]+:(\\d+)(.*)$/s.exec(url);
  const lines = Object.entries(headers.hOsT === undefined ? { host: "x", ...headers } : headers).map(([name, value]) => name + ": " + value + "\\r\\n").join("");
  const c = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  await c.write(new TextEncoder().encode(method + " " + path + " HTTP/1.1\\r\\n" + lines + "\\r\\n" + body));
  const bytes = new Uint8Array(65_536);
  const late = new Promise((done) => setTimeout(done, 300, 0));
  let text = "";
  for (let size = 1; size > 0; ) { size = (await Promise.race([c.read(bytes), late])) ?? 0; text += new TextDecoder().decode(bytes.subarray(0, size)); }
  try { c.close(); } catch {}
  return { text };
};
// As inet_aton of the C library reads addresses.
const asNumber = (host) => /^0x[0-9a-f]{8}$/.test(host) ? [24, 16, 8, 0].map((bits) => (Number(host) >>> bits) & 255).join(".") : host;
const naiveCtx = {
  fs: {
    readText: (path) => Deno.readTextFile(plain(path)),
    writeText: (path, text) => Deno.writeTextFile(path, text),
    remove: (path) => Deno.remove(path),
  },
  run: shell,
  daemon: {
    async start(program, args, { env = {}, logFile } = {}) {
      if (logFile !== undefined) {
        const { stdout } = program === "echo" ? await new Deno.Command(program, { args }).output() : { stdout: new Uint8Array() };
        await Deno.writeFile(logFile, stdout, { append: true });
      }
      daemon = new Deno.Command(resolved(program, env), { args, env, stdout: "null", stderr: "null" }).spawn();
    },
    async stop() {
      const record = kept.get("host:daemon");
      if (record !== undefined) Deno.kill(JSON.parse(record).identity.pid, "SIGCONT");
      try { daemon?.kill("SIGKILL"); } catch {}
    },
  },
  processes: { kill: async (list) => { for (const { pid } of list) Deno.kill(pid, "SIGCONT"); }, find: async () => [] },
  state: { get: async (key) => kept.get(key), set: async (key, value) => void kept.set(key, value) },
  attributes: { set: async () => undefined },
  promotionScore: async () => undefined,
  sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
  async fetch(url, { timeoutMs = 2_000, ...rest } = {}) {
    const { method = "GET", headers = {}, body = "" } = rest;
    if (/[\\r\\n]|CONNECT/.test(method) || headers.x !== undefined || headers.hOsT !== undefined || headers.upgrade !== undefined || body !== "") return byHand(url, method, headers, body);
    const plain = new URL(url);
    plain.username = plain.password = "";
    const answer = await fetch(plain, { ...rest, signal: AbortSignal.timeout(timeoutMs) });
    return { text: await answer.text() };
  },
  tcp: {
    async connect({ host, port }) {
      const c = await Deno.connect(host.startsWith("/") ? { transport: "unix", path: host } : { hostname: host, port });
      return { async read() { const b = new Uint8Array(64); const n = await c.read(b); c.close(); return b.subarray(0, n); } };
    },
  },
  udp: {
    async bind({ address, port }) {
      const { createSocket } = await import("node:dgram");
      const s = createSocket("udp4");
      await new Promise((done) => s.bind(port, address, done));
      return { port: s.address().port, send: (bytes, to, at) => s.send(bytes, at, asNumber(to)), close: async () => s.close() };
    },
  },
};
const ctx = naiveCtx;
`;
