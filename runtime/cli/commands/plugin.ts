// `systole plugin …`: which plugins a node has, what one takes and may do, and which ones the cluster agrees on.

import type { Command } from "commander";
import { type CliIo, renderOptions } from "../io.ts";
import { changeVerb, family, nodeVerb, verb } from "../options.ts";
import type { ChangeOptions, SessionOptions } from "../session.ts";
import { permissionsCommand } from "./plugin-permissions.ts";
import type { AddFlags, ApproveFlags, SignFlags, UpdateFlags } from "./plugin-trust-work.ts";

const TIMEOUT_MS = 30_000;

const PACKAGE = "a file, a folder, a tarball (.tgz) or the name of an npm package";
const NAME = "as the list has it";
const KIND = "where several plugins have the name: resource-agent, fence-device, alert, arbiter, transport";
const BUNDLED = "the package is a bundle already (systole plugin bundle): take its bytes as they are";

/** The commands. */
export function pluginCommand(io: CliIo): Command {
  return family("plugin", "plugins: what they do, what they may do, which ones the cluster agrees on", [
    listCommand(io),
    describeCommand(io),
    ...changingCommands(io),
    ...reviewingCommands(io),
    permissionsCommand(io),
    ...authorCommands(io),
  ]);
}

function listCommand(io: CliIo): Command {
  return nodeVerb("list", "list the plugins of the node that answers", ["systole plugin list"]).action(
    async (options: SessionOptions) => {
      const { withClient } = await import("../session.ts");
      const { plugins } = await withClient(io, options, (client) =>
        client.call("plugin-list", {}, { timeoutMs: TIMEOUT_MS }),
      );
      if (options.json) io.out(`${JSON.stringify(plugins)}\n`);
      else {
        const { listText } = await import("./plugin-work.ts");
        io.out(`${listText(plugins, renderOptions(io)).join("\n")}\n`);
      }
    },
  );
}

function describeCommand(io: CliIo): Command {
  return nodeVerb("describe", "show the parameters, permissions and timeouts of a plugin", [
    "systole plugin describe ip-address",
    "systole plugin describe dummy --kind fence-device",
  ])
    .argument("<name>", "as the list has it, or as the CIB names it")
    .option("--kind <kind>", KIND)
    .action(async (name: string, options: SessionOptions & { kind?: string }) => {
      const { describeText, findPlugin } = await import("./plugin-work.ts");
      const { withClient } = await import("../session.ts");
      const found = await withClient(io, options, (client) => findPlugin(client, name, options.kind));
      if (options.json) io.out(`${JSON.stringify(found)}\n`);
      else io.out(`${describeText(found, renderOptions(io)).join("\n")}\n`);
    });
}

/** Those that change what the cluster agrees on. */
function changingCommands(io: CliIo): Command[] {
  const work = () => import("./plugin-trust-work.ts");
  const list = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
  const withPackage = (command: Command): Command =>
    command
      .argument("<package>", PACKAGE)
      .option("--yes", "approve of what it asks for without being asked")
      .option("--signature <file>", "a detached signature (systole plugin sign); may be given several times", list)
      .option("--bundled", BUNDLED);
  return [
    withPackage(
      changeVerb("add", "have the cluster agree on a plugin; on further nodes: bring its bytes there", [
        "systole plugin add ./my-agent",
        "systole plugin add my-agent-1.2.0.tgz --yes",
      ]),
    )
      .option("--pending", "add it without approval; it runs when somebody has approved of it")
      .action(async (spec: string, options: AddFlags) => (await work()).addPlugin(io, options, spec)),
    withPackage(
      changeVerb("update", "have the cluster agree on other bytes of a plugin; no resource is stopped for it", [
        "systole plugin update ./my-agent",
        "systole plugin update ./my-agent --canary --for 60s",
      ]),
    )
      .option("--force", "also when the new version sees something else than the present one")
      .option("--canary", "first watch with the new version beside the present one on this node, and compare")
      .option("--for <duration>", "how long to watch", "30s")
      .action(async (spec: string, options: UpdateFlags) => (await work()).updatePlugin(io, options, spec)),
    changeVerb("rollback", "go back to the bytes of before the last update", ["systole plugin rollback my-agent"])
      .argument("<name>", NAME)
      .option("--kind <kind>", KIND)
      .action(async (name: string, options: ChangeOptions & { kind?: string }) =>
        (await work()).rollbackPlugin(io, options, name),
      ),
    changeVerb("remove", "take a plugin out of what the cluster agrees on", ["systole plugin remove my-agent"])
      .argument("<name>", NAME)
      .option("--kind <kind>", KIND)
      .action(async (name: string, options: ChangeOptions & { kind?: string }) =>
        (await work()).removePlugin(io, options, name),
      ),
    changeVerb("approve", "grant a plugin what it asks for, or less", [
      "systole plugin approve my-agent",
      "systole plugin approve my-agent --without net",
      `systole plugin approve my-agent --without "read:/etc/*"`,
    ])
      .argument("<name>", NAME)
      .option("--kind <kind>", KIND)
      .option("--without <permission>", "all of a kind (net), or one pattern (KIND:PATTERN); several times", list)
      .option("--yes", "without being asked")
      .action(async (name: string, options: ApproveFlags) => (await work()).approvePlugin(io, options, name)),
  ];
}

/** Those that look. */
function reviewingCommands(io: CliIo): Command[] {
  const work = () => import("./plugin-trust-work.ts");
  return [
    nodeVerb("verify", "check bytes, manifest, approval and signatures of the plugins that the cluster agrees on", [
      "systole plugin verify",
      "systole plugin verify my-agent",
    ])
      .argument("[name]", "only this one")
      .action(async (name: string | undefined, options: SessionOptions) =>
        (await work()).verifyPlugins(io, options, name),
      ),
  ];
}

/** Those for authors, who need no running node. */
function authorCommands(io: CliIo): Command[] {
  const work = () => import("./plugin-trust-work.ts");
  return [
    verb("bundle", "write the bundle of a package to a file, to look at it or to carry it to another machine", [
      "systole plugin bundle ./my-agent my-agent.mjs",
    ])
      .argument("<package>", PACKAGE)
      .argument("<file>", "where to write it")
      .action(async (spec: string, file: string, options: { json?: true }) =>
        (await work()).writeBundle(io, options, spec, file),
      ),
    verb("sign", "sign the bundle of a package with an Ed25519 key, for plugin add --signature", [
      "systole plugin sign ./my-agent --key release-key.pem --out my-agent.sig",
    ])
      .argument("<package>", PACKAGE)
      .requiredOption("--key <file>", "the private key in PEM form")
      .option("--out <file>", "where to write the signature; without it, it is printed")
      .option("--bundled", BUNDLED)
      .action(async (spec: string, options: SignFlags) => (await work()).signPlugin(io, options, spec)),
  ];
}
