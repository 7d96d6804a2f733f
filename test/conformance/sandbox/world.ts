// What lies around the sandbox and must stay out of its reach: files with a secret, servers on loopback that remember who
// spoke to them, a process to kill, a variable in the host's environment.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { bootId, processFacts } from "../../../runtime/host/plugins/processes.ts";
import { markOf, type Outcome, PLACES, type Place, QUIC_PROBES, type WorldFacts } from "./probe.ts";

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
  /** Swaps folder and link below `granted` until the returned function is called. */
  startSwapping(): () => void;
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

/** The path that a lax server takes a URL for. */
function meantBy(url: string): string {
  let path = url;
  for (let turn = 0; turn < 3 && path.includes("%"); turn += 1)
    path = decodeURIComponent(path.replace(/%c0%ae/gi, ".").replace(/%c0%af/gi, "/"));
  return posix.normalize(path.replaceAll("\\", "/").replace(/;[^/]*/g, ""));
}

/** A first datagram of QUIC, whatever its version: a long header, and no less than 1,200 bytes. */
function beginsQuic(bytes: Buffer): boolean {
  return bytes.length >= 1_200 && ((bytes[0] ?? 0) & 0xc0) === 0xc0;
}

/** A port for each attempt by QUIC: what it says is a secret between the two, so who spoke is known by where. */
async function openQuicPorts(heard: string[]) {
  const sockets: UdpSocket[] = [];
  const portFor = async (mark: string): Promise<number> => {
    const socket = createSocket("udp4");
    sockets.push(socket);
    socket.on("message", (bytes) => {
      if (beginsQuic(bytes)) heard.push(mark);
    });
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return socket.address().port;
  };
  const portsAt = async (place: Place): Promise<[Place, number[]]> => [
    place,
    await Promise.all(QUIC_PROBES.map((name) => portFor(markOf(name, place)))),
  ];
  return {
    ports: Object.fromEntries(await Promise.all(PLACES.map(portsAt))),
    close: () => Promise.all(sockets.map((one) => new Promise<void>((done) => one.close(() => done())))),
  };
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
  const serve =
    (allowed: string): RequestListener =>
    (request, response) => {
      const path = meantBy(request.url ?? "");
      if (allowed === "" || !path.startsWith(allowed)) heard.push(path);
      heard.push(request.headers.host ?? "");
      const [, redirected] = /^\/allowed\/redirect\/(.*)/.exec(path) ?? [];
      if (redirected !== undefined) {
        response.writeHead(302, { location: `/${[...redirected].reverse().join("")}` }).end();
        return;
      }
      const kind = request.url?.endsWith(".js") === true ? "text/javascript" : "text/plain";
      response.writeHead(200, { "content-type": kind });
      response.end(kind === "text/plain" ? PROOF : `export default ${JSON.stringify(PROOF)};`);
    };
  const http = createHttpServer(serve("/allowed/")).on("connection", keep);
  const other = createHttpServer(serve("")).on("connection", keep);
  http.on("upgrade", (request, socket) => {
    heard.push(request.url ?? "");
    socket.destroy();
  });
  http.on("connect", (request, socket) => {
    heard.push(request.url ?? "");
    socket.end(`HTTP/1.1 200 OK\r\n\r\n${PROOF}`);
  });
  const udp = createSocket("udp4");
  udp.on("message", (bytes, from) => {
    heard.push(bytes.toString("latin1"));
    if (bytes.length > 12) udp.send(dnsAnswer(bytes), from.port, from.address);
  });
  const unixSocket = join(folder, "host.sock");
  const http2 = createHttp2Server((request, response) => {
    heard.push(request.url);
    response.end(PROOF);
  }).on("connection", keep);
  const quic = await openQuicPorts(heard);
  await Promise.all([
    listening(http2, 0),
    listening(tcp, 0),
    listening(http, 0),
    listening(other, 0),
    listening(unix, unixSocket),
    new Promise<void>((resolve) => udp.bind(0, "127.0.0.1", resolve)),
  ]);
  chmodSync(unixSocket, 0o777);
  return {
    heard,
    unixSocket,
    ports: {
      ...{ tcpPort: portOf(tcp), httpPort: portOf(http), otherPort: portOf(other), udpPort: udp.address().port },
      ...{ http2Port: portOf(http2), quicPorts: quic.ports },
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      const servers = [tcp, http, other, unix, http2];
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
      await quic.close();
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
    for (const deed of ["rename", "remove", "remove-ctx", "remove-too"])
      writeFileSync(join(folder, `${deed}-${place}`), PROOF);
  }
  const worker = `postMessage(Deno.readTextFileSync(${JSON.stringify(join(folder, "secret.txt"))}));\n`;
  writeFileSync(join(folder, "worker.mjs"), worker);
}

const EVIL = `#!/bin/sh
: > "\${OUT:-$1}"
`;

/** A folder that plugins are granted, with everything in it that leads out of it. */
function writeGranted(folder: string, out: string): void {
  const granted = join(folder, "granted");
  for (const one of ["granted/deeper", "granted/swapped", "GRANTED", "granted-not", "re\u0301serve\u0301", "evil"]) {
    mkdirSync(join(folder, one), { recursive: true });
  }
  writeFileSync(join(granted, "plain.txt"), "harmless");
  writeFileSync(join(granted, "script.sh"), "true\n");
  writeFileSync(join(granted, "swapped/secret.txt"), "harmless");
  for (const one of ["GRANTED", "granted-not", "re\u0301serve\u0301"])
    writeFileSync(join(folder, one, "secret.txt"), PROOF);
  symlinkSync("../secret.txt", join(granted, "link"));
  symlinkSync("..", join(granted, "folder-link"));
  symlinkSync("..", join(granted, "swapped-link"));
  symlinkSync("../out/linked-log", join(granted, "link-log"));
  writeFileSync(join(out, "hard-log"), "untouched");
  linkSync(join(out, "hard-log"), join(granted, "hard-log"));
  for (const place of ["outside", "plugin"]) {
    symlinkSync(`../out/linked-${place}`, join(granted, `link-${place}`));
    writeFileSync(join(out, `hard-${place}`), "untouched");
    linkSync(join(out, `hard-${place}`), join(granted, `hard-${place}`));
  }
  writeFileSync(join(folder, "evil/script.sh"), `echo ${PROOF}\n`);
  for (const program of ["cat", "sleep"]) writeFileSync(join(folder, "evil", program), EVIL, { mode: 0o755 });
  spawnSync("mkfifo", [join(granted, "pipe"), join(granted, "log-pipe")]);
}

/** Reads from a pipe for a moment, now and then: whoever waits for its reader does not wait for ever. */
const NOW_AND_THEN = 'while sleep 1; do timeout 0.3 cat "$1" > /dev/null; done';

/** Goes on making a folder of the granted ones a link, and a folder again. */
const SWAPPER = `const { renameSync } = require("node:fs");
const pause = new Int32Array(new SharedArrayBuffer(4));
const swap = (a, b) => renameSync(a, b);
const until = Date.now() + 20_000;
while (Date.now() < until) {
  swap("swapped", "swapped-folder"); swap("swapped-link", "swapped");
  Atomics.wait(pause, 0, 0, 0.2);
  swap("swapped", "swapped-link"); swap("swapped-folder", "swapped");
  Atomics.wait(pause, 0, 0, 0.2);
}`;

function readsAs(file: string, mark: string): boolean {
  return statSync(file).isFile() && readFileSync(file, "latin1").includes(mark);
}

/** Settings in a working directory: names that lead to secrets, registries of packages on this machine. */
function writeSettings(folder: string, secrets: string, httpPort: number): void {
  const imports = { "secret-by-map": `file://${secrets}/secret.mjs` };
  writeFileSync(join(folder, "deno.json"), JSON.stringify({ imports }));
  writeFileSync(join(folder, ".npmrc"), `registry=http://127.0.0.1:${httpPort}/\n`);
}

/** A native addon among the packages of this project, copied to where everybody may read it. */
function addonIn(folder: string): string {
  const packages = fileURLToPath(new URL("../../../node_modules", import.meta.url));
  const inside = (path: string): string[] => readdirSync(path).map((name) => join(path, name));
  const scopes = inside(packages).filter((path) => basename(path).startsWith("@"));
  const found = scopes
    .flatMap(inside)
    .flatMap(inside)
    .find((path) => path.endsWith(".node"));
  if (found === undefined) return "";
  const addon = join(folder, "addon.node");
  copyFileSync(found, addon);
  return addon;
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
  writeGranted(folder, out);
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
  const reader = spawn("sh", ["-c", NOW_AND_THEN, "sh", join(folder, "granted/log-pipe")], {
    stdio: "ignore",
    detached: true,
  });
  const victimPid = newVictim();
  const startTicks = processFacts(victimPid)?.startTicks ?? 0;
  const facts: WorldFacts = {
    ...{ proof: PROOF, folder, out, secret: join(folder, "secret.txt"), unixSocket: servers.unixSocket },
    ...{ ...servers.ports, node: process.execPath, hostPid: process.pid, victimPid },
    victim: { identity: { pid: victimPid, startTicks, bootId: bootId() ?? "" } },
    library: LIBRARIES.find(existsSync) ?? "",
    addon: addonIn(folder),
  };
  return {
    facts,
    inside,
    gotOut: ({ mark, said }) =>
      (said.includes(PROOF) && !said.startsWith("error:")) ||
      servers.heard.some((one) => one.includes(mark)) ||
      readdirSync(out).some((name) => name.includes(mark) || readsAs(join(out, name), mark)) ||
      readFileSync(join(folder, "secret.txt"), "utf8") !== PROOF,
    victimLives: () => victim?.exitCode === null && victim.signalCode === null,
    newVictim,
    startSwapping() {
      const swapper = spawn(process.execPath, ["--eval", SWAPPER], { cwd: join(folder, "granted"), stdio: "ignore" });
      return () => void swapper.kill("SIGKILL");
    },
    async close() {
      delete process.env[SECRET_VARIABLE];
      if (reader.pid !== undefined) process.kill(-reader.pid, "SIGKILL");
      victim?.kill("SIGKILL");
      await servers.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
