// Runs the arbiter's server until somebody ends it.

import { existsSync, readFileSync } from "node:fs";
import { isIP, isIPv6 } from "node:net";
import { join } from "node:path";
import { openArbiterServer } from "../../host/arbiter-server.ts";
import { epochMs } from "../../host/clock.ts";
import { EXIT, errorText, SystoleError } from "../../host/errors.ts";
import { createKeyFile, readKeyFile } from "../../host/key.ts";
import { RegisterStore } from "../../host/register-store.ts";
import { takeStateDirectory } from "../../host/state-directory.ts";
import type { CliIo } from "../io.ts";

export interface ArbiterFlags {
  readonly listen: string;
  readonly dir: string;
  readonly tokenFile?: string;
  readonly cert?: string;
  readonly key?: string;
}

const TOKEN_FILE = "token";
const LOOPBACK = /^(127\.|::1$)/;

/** Runs until SIGINT, SIGTERM or a broken disk; the exit code. */
export async function runArbiter(io: CliIo, options: ArbiterFlags): Promise<number> {
  const { address, port } = listenAt(options.listen);
  const tls = tlsOf(options);
  const directory = takeFolder(options.dir);
  try {
    const tokenFile = options.tokenFile ?? join(options.dir, TOKEN_FILE);
    if (options.tokenFile === undefined && !existsSync(tokenFile)) createKeyFile(tokenFile);
    const token = Buffer.from(readKeyFile(tokenFile)).toString("hex");
    const broken = new AbortController();
    const server = await openArbiterServer({
      ...{ address, port, token, store: new RegisterStore(options.dir) },
      ...(tls === undefined ? {} : { tls }),
      log: (text) => io.out(`${text}\n`),
      onBroken: () => broken.abort(),
    });
    const host = isIPv6(address) ? `[${address}]` : address;
    const scheme = tls === undefined ? "http" : "https";
    io.out(`The arbiter listens. In the nodes' configuration, with the name of the cluster:\n`);
    io.out(`  "quorum": { "arbiter": { "plugin": "http-register", "parameters": {\n`);
    io.out(
      `    "url": "${scheme}://${host}:${server.port}/registers/CLUSTER", "token": "what stands in ${tokenFile}" } } }\n`,
    );
    if (tls === undefined && !LOOPBACK.test(address))
      io.err("systole: Without --cert and --key nothing is encrypted, and who listens on the way learns the token.\n");
    await ended(io, broken.signal);
    await server.close();
    return broken.signal.aborted ? EXIT.io : EXIT.ok;
  } finally {
    directory.release();
  }
}

function ended(io: CliIo, broken: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    process.once("SIGTERM", () => resolve());
    io.interrupted().addEventListener("abort", () => resolve());
    broken.addEventListener("abort", () => resolve());
  });
}

function listenAt(text: string): { readonly address: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3] ?? -1);
  if (isIP(address) !== 0 && port >= 0 && port <= 65_535) return { address, port };
  throw new SystoleError(
    "request-invalid",
    `--listen is ${text}, which is no address with a port. Give one such as 192.0.2.9:7800 or [2001:db8::9]:7800.`,
  );
}

function tlsOf({ cert, key }: ArbiterFlags): { readonly cert: string; readonly key: string } | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw new SystoleError("request-invalid", "--cert and --key belong together: give both, or none for plain HTTP.");
  try {
    return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
  } catch (error) {
    const text = `The certificate or its key cannot be read, so the arbiter does not start (${errorText(error)}).`;
    throw new SystoleError("config-unreadable", text);
  }
}

/** One process at a time, as for a node's state; only what it is called is another thing. */
function takeFolder(path: string) {
  try {
    return takeStateDirectory(path, epochMs());
  } catch (error) {
    if (!(error instanceof SystoleError)) throw error;
    const text = error.message
      .replaceAll("the node does not start", "the arbiter does not start")
      .replaceAll("the node", "the arbiter")
      .replaceAll("The state directory", "The folder")
      .replaceAll('Set "stateDirectory" to', "Give --dir");
    throw new SystoleError(error.code, text, { cause: error });
  }
}
