// What lies around the sandbox and must stay out of its reach: files with a secret, servers on loopback that remember who
// spoke to them, a process to kill, a variable in the host's environment.

import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outcome, WorldFacts } from "./probe.ts";

/** The variable of the host's environment that holds the proof. */
export const SECRET_VARIABLE = "SYSTOLE_PROBE_SECRET";

/** The world while a test runs. */
export interface World {
  readonly facts: WorldFacts;
  /** The working directory of what is in the sandbox, with settings that would help it out. */
  readonly inside: string;
  /** Whether an attempt has got out: by what it said, by what the servers heard, or by what it left behind. */
  gotOut(outcome: Outcome): boolean;
  /** Whether the process that may be killed lives. */
  victimLives(): boolean;
  /** A new victim, for the next attempt. */
  newVictim(): number;
  close(): Promise<void>;
}

const PROOF = "the-proof-7f3a91";
const LIBRARIES = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6"];

function listening(server: Server, where: number | string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    if (typeof where === "number") server.listen(where, "127.0.0.1", resolve);
    else server.listen(where, resolve);
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Answers any question of the DNS with 127.0.0.1. */
function dnsAnswer(question: Buffer): Buffer {
  const head = Buffer.from([question[0] ?? 0, question[1] ?? 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  let end = 12;
  while (end < question.length && question[end] !== 0) end += 1 + (question[end] ?? 0);
  const asked = question.subarray(12, end + 5);
  return Buffer.concat([head, asked, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1])]);
}

/** Servers that write down whatever they hear, and tell the proof to everybody. */
async function openServers(folder: string) {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.once("close", () => sockets.delete(socket));
  };
  const greet = (socket: Socket): void => {
    keep(socket);
    socket.on("data", (bytes) => heard.push(bytes.toString("latin1")));
    socket.write(`${PROOF}\n`);
  };
  const tcp = createServer(greet);
  const unix = createServer(greet);
  const http = createHttpServer((request, response) => {
    heard.push(request.url ?? "");
    if (request.url?.startsWith("/redirect/") === true) {
      response.writeHead(302, { location: request.url.replace("/redirect/", "/") }).end();
      return;
    }
    const kind = request.url?.endsWith(".js") === true ? "text/javascript" : "text/plain";
    response.writeHead(200, { "content-type": kind });
    response.end(kind === "text/plain" ? PROOF : `export default ${JSON.stringify(PROOF)};`);
  });
  http.on("connection", keep);
  http.on("upgrade", (request, socket) => {
    heard.push(request.url ?? "");
    socket.destroy();
  });
  const udp = createSocket("udp4");
  udp.on("message", (bytes, from) => {
    heard.push(bytes.toString("latin1"));
    if (bytes.length > 12) udp.send(dnsAnswer(bytes), from.port, from.address);
  });
  const unixSocket = join(folder, "host.sock");
  await Promise.all([
    listening(tcp, 0),
    listening(http, 0),
    listening(unix, unixSocket),
    new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve)),
  ]);
  chmodSync(unixSocket, 0o777);
  return {
    heard,
    unixSocket,
    ports: { tcpPort: portOf(tcp), httpPort: portOf(http), udpPort: udp.address().port },
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all([tcp, http, unix].map((server) => new Promise((resolve) => server.close(resolve))));
      await new Promise<void>((resolve) => udp.close(resolve));
    },
  };
}

function writeSecrets(folder: string): void {
  writeFileSync(join(folder, "secret.txt"), PROOF);
  writeFileSync(join(folder, "secret.json"), JSON.stringify({ secret: PROOF }));
  writeFileSync(join(folder, "secret.mjs"), `export default ${JSON.stringify(PROOF)};\n`);
  writeFileSync(join(folder, "secret.cjs"), `module.exports = ${JSON.stringify(PROOF)};\n`);
  for (const place of ["outside", "process", "plugin"]) {
    for (const deed of ["rename", "remove"]) writeFileSync(join(folder, `${deed}-${place}`), PROOF);
  }
  const worker = `postMessage(Deno.readTextFileSync(${JSON.stringify(join(folder, "secret.txt"))}));\n`;
  writeFileSync(join(folder, "worker.mjs"), worker);
}

/** Settings in a working directory: names that lead to secrets, registries of packages on this machine. */
function writeSettings(folder: string, secrets: string, httpPort: number): void {
  const imports = { "secret-by-map": `file://${secrets}/secret.mjs` };
  writeFileSync(join(folder, "deno.json"), JSON.stringify({ imports }));
  writeFileSync(join(folder, ".npmrc"), `registry=http://127.0.0.1:${httpPort}/\n`);
}

/** Opens a world in a folder of its own. */
export async function openWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "systole-escape-"));
  // The sandbox runs as nobody: what it must not read may be read by nobody's user, so that it is not that alone which holds.
  chmodSync(folder, 0o755);
  const out = join(folder, "out");
  mkdirSync(out);
  chmodSync(out, 0o777);
  writeSecrets(folder);
  const servers = await openServers(folder);
  writeSettings(folder, folder, servers.ports.httpPort);
  const inside = join(folder, "inside");
  mkdirSync(inside);
  writeSettings(inside, folder, servers.ports.httpPort);
  let victim: ChildProcess | undefined;
  const newVictim = (): number => {
    victim?.kill("SIGKILL");
    victim = spawn("sleep", ["600"], { stdio: "ignore" });
    return victim.pid ?? 0;
  };
  process.env[SECRET_VARIABLE] = PROOF;
  const facts: WorldFacts = {
    ...{ proof: PROOF, folder, out, secret: join(folder, "secret.txt"), unixSocket: servers.unixSocket },
    ...{ ...servers.ports, hostPid: process.pid, victimPid: newVictim() },
    library: LIBRARIES.find(existsSync) ?? "",
  };
  return {
    facts,
    inside,
    gotOut: ({ mark, said }) =>
      (said.includes(PROOF) && !said.startsWith("error:")) ||
      servers.heard.some((one) => one.includes(mark)) ||
      readdirSync(out).some((name) => name.includes(mark)) ||
      readFileSync(join(folder, "secret.txt"), "utf8") !== PROOF,
    victimLives: () => victim?.exitCode === null && victim.signalCode === null,
    newVictim,
    async close() {
      delete process.env[SECRET_VARIABLE];
      victim?.kill("SIGKILL");
      await servers.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
