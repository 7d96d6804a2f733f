// A ctx that asks nobody, for attempts outside: what a host does that hands on whatever a plugin wishes.

/** Source of `naiveCtx`, for Deno with every grant. Programs are run by a shell, as hosts did for long. */
export const NAIVE_CTX = `
const kept = new Map();
const shell = async (program, args = [], { env = {}, directory } = {}) => {
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
const naiveCtx = {
  fs: {
    readText: (path) => Deno.readTextFile(path),
    writeText: (path, text) => Deno.writeTextFile(path, text),
    remove: (path) => Deno.remove(path),
  },
  run: shell,
  daemon: {
    async start(program, args, { env = {}, logFile } = {}) {
      if (logFile !== undefined) await Deno.writeTextFile(logFile, "", { append: true });
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
    const plain = new URL(url);
    plain.username = plain.password = "";
    const answer = await fetch(plain, { ...rest, signal: AbortSignal.timeout(timeoutMs) });
    return { text: await answer.text() };
  },
  tcp: {
    async connect({ host, port }) {
      const c = await Deno.connect({ hostname: host, port });
      return { async read() { const b = new Uint8Array(64); const n = await c.read(b); c.close(); return b.subarray(0, n); } };
    },
  },
  udp: {
    async bind({ address, port }) {
      const { createSocket } = await import("node:dgram");
      const s = createSocket("udp4");
      await new Promise((done) => s.bind(port, address, done));
      return { port: s.address().port, send: (bytes, to, at) => s.send(bytes, at, to), close: async () => s.close() };
    },
  },
};
const ctx = naiveCtx;
`;
