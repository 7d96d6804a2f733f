// What a probe is, and the four places where the same attempt is made: outside (Deno with every grant), in the sandbox's
// process but without the guest's program around it (so that Deno alone has to hold it), as a plugin, and on the way into
// a bundle.

import type { ProcessIdentity } from "../../../sdk/mod.ts";

/** An attempt to get out. */
export interface Probe {
  /** What is tried, in a few words. */
  readonly name: string;
  /**
   * Body of an async function of `world`, `mark` and, in topics that have one, `ctx`, in the language of a plugin. It has got out when it returns the world's proof,
   * when a server of the world has heard the mark, or when there is a file of that name in the world's folder `out`.
   */
  readonly attempt: string;
  /** Where it is made besides outside. "plugin" alone: Deno lets it be, and only the guest's program takes it away. */
  readonly places?: readonly Place[];
  /** Where it is made outside; Deno if not given. */
  readonly outsideIn?: "node";
}

/** Where an attempt is made. */
export type Place = "outside" | "process" | "plugin";

/** All of them. */
export const PLACES: readonly Place[] = ["outside", "process", "plugin"];

/** Probes that speak QUIC; each has a port of its own in each place. */
export const QUIC_PROBES = ["QUIC by Deno.connectQuic", "HTTP/3 by WebTransport"] as const;

/** Probes of one topic. */
export interface Topic {
  readonly topic: string;
  readonly probes: readonly Probe[];
}

/** What attempts find to get at. The same everywhere; plain data. */
export interface WorldFacts {
  /** Stands in every secret; whoever can say it has got out. */
  readonly proof: string;
  /** A folder that everybody may read, with secrets in it. */
  readonly folder: string;
  /** A folder that everybody may write to. */
  readonly out: string;
  readonly secret: string;
  readonly tcpPort: number;
  readonly httpPort: number;
  /** A second server for HTTP. */
  readonly otherPort: number;
  readonly udpPort: number;
  /** A server for HTTP/2 in plain text. */
  readonly http2Port: number;
  /** By place, for each probe that speaks QUIC: whoever begins a conversation there is heard under the probe's mark. */
  readonly quicPorts: Readonly<Record<string, readonly number[]>>;
  readonly unixSocket: string;
  /** The process of the test, which is the host. */
  readonly hostPid: number;
  /** The program of Node. */
  readonly node: string;
  /** A process that may be killed. */
  readonly victimPid: number;
  /** The same, as ctx knows processes. */
  readonly victim: { readonly identity: ProcessIdentity };
  /** A shared library that is there on every Linux of this architecture; "" if not found. */
  readonly library: string;
  /** A native addon of Node, a whole one; "" if none was found. */
  readonly addon: string;
}

/** What became of an attempt. */
export interface Outcome {
  readonly name: string;
  readonly mark: string;
  /** What it returned, or the error that it met. */
  readonly said: string;
}

/** An attempt that takes longer has failed. */
const ATTEMPT_LIMIT_MS = 2_500;

/** The name by which the world knows an attempt again. */
export function markOf(name: string, place: Place): string {
  return `${place}-${name.toLowerCase().replace(/[^a-z0-9]+/g, "-")}`.slice(0, 60).replace(/-$/, "");
}

/** Attempts as the source of a table `probes`, by name: functions of world and mark. */
function tableOf(probes: readonly Probe[]): string {
  const rows = probes.map(
    ({ name, attempt }) => `${JSON.stringify(name)}: async (world, mark, ctx) => {\n${attempt}\n}`,
  );
  return `const probes = {\n${rows.join(",\n")}\n};
const tried = (name, world, mark, ctx) => {
  let timer;
  const late = new Promise((resolve) => { timer = setTimeout(resolve, ${ATTEMPT_LIMIT_MS}, "late"); });
  const attempt = (async () => {
    try { return String(await probes[name](world, mark, ctx)); }
    catch (error) { return "error: " + (error && error.name) + ": " + (error && error.message); }
  })();
  return Promise.race([attempt, late]).finally(() => clearTimeout(timer));
};
`;
}

/** A program for Deno or Node that makes the attempts one after the other and writes each outcome as a line. */
export function programOf(
  probes: readonly Probe[],
  world: WorldFacts,
  place: Place,
  prelude = "const ctx = undefined;",
): string {
  const list = probes.map(({ name }) => ({ name, mark: markOf(name, place) }));
  return `${prelude}
${tableOf(probes)}
const world = ${JSON.stringify(world)};
const inDeno = "Deno" in globalThis;
const out = inDeno ? Deno.stdout : process.stdout;
const write = inDeno ? out.writeSync.bind(out) : (bytes) => (out.write(bytes), bytes.length);
const exit = inDeno ? Deno.exit : process.exit;
if (inDeno) for (const type of ["unhandledrejection", "error"]) addEventListener(type, (event) => event.preventDefault());
const texts = new TextEncoder();
for (const { name, mark } of ${JSON.stringify(list)}) {
  const said = (await tried(name, world, mark, ctx)).slice(0, 300);
  let bytes = texts.encode(JSON.stringify({ name, mark, said }) + "\\n");
  while (bytes.length > 0) bytes = bytes.subarray(write(bytes));
}
exit(0);
`;
}

/** What an attacker says of itself: nothing that it may do, unless given. */
export interface Attacker {
  readonly name: string;
  readonly permissions: Readonly<Record<string, unknown>>;
  /** Names of further parameters, all of them texts. */
  readonly parameters: readonly string[];
}

const PLAIN: Attacker = { name: "attacker", permissions: {}, parameters: [] };

/** A plugin that makes the attempt that its parameter names, whenever it is monitored. */
export function pluginOf(probes: readonly Probe[], { name, permissions, parameters }: Attacker = PLAIN): string {
  const names = ["attempt", "mark", "world", ...parameters];
  const properties = Object.fromEntries(names.map((one) => [one, { type: "string" }]));
  return `${tableOf(probes)}
export default { kind: "resource-agent", api: 1, spec: {
  name: ${JSON.stringify(name)}, summary: "Tries to get out", memoryLimitMiB: 128,
  parameters: { type: "object", properties: ${JSON.stringify(properties)} },
  permissions: ${JSON.stringify(permissions)},
  async monitor(ctx) {
    const { attempt, world, mark } = ctx.params;
    return { failed: (await tried(attempt, JSON.parse(world), mark, ctx)).slice(0, 300) };
  },
  async start() {}, async stop() {},
} };
`;
}
