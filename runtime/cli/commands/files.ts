// Commands about files: the daemon itself, keys, backups.

import { Argument, type Command } from "commander";
import type { CliIo } from "../io.ts";
import { createProject, PROJECT_KINDS } from "../new.ts";
import { family, nodeVerb, verb } from "../options.ts";
import type { SessionOptions } from "../session.ts";
import type { RestoreFlags } from "./backup-work.ts";

/** node. */
export function nodeCommand(io: CliIo): Command {
  return verb("node", "run a node in this process until it is stopped (SIGTERM, or systole stop)", [
    "systole node /etc/systole/node1.json",
    "systole node /etc/systole/node1.json --check",
  ])
    .argument("<config>", "its configuration, a JSON file")
    .option("--check", "only check the configuration and the key")
    .option("--audit <file>", "append every use of a permission by a plugin to this file, one JSON line each")
    .action(async (config: string, options: { check?: true; json?: true; audit?: string }) => {
      if (options.check) {
        const { checkConfig } = await import("./node-check.ts");
        checkConfig(io, options, config);
        return;
      }
      const { runNode } = await import("../../run-node.ts");
      io.exit(await runNode(config, options.audit));
    });
}

/** backup, restore. */
export function backupCommands(io: CliIo): Command[] {
  const work = () => import("./backup-work.ts");
  return [
    nodeVerb("backup", "write the durable state of the cluster to a file: configuration and its history", [
      "systole backup cluster.backup",
    ])
      .argument("<file>", "where to write it; it has secrets, so only its owner may read it")
      .option("--overwrite", "also when there is such a file already")
      .action(async (file: string, options: SessionOptions & { overwrite?: true }) =>
        (await work()).backup(io, options, file),
      ),
    verb("restore", "make the store of a node that is not running from a backup, for a new cluster", [
      "systole restore cluster.backup /etc/systole/node1.json",
    ])
      .argument("<file>", "what systole backup wrote")
      .argument("<config>", "the node's configuration, as for systole node")
      .option("--overwrite", "also when the node's store holds something; that is moved aside")
      .option("--other-cluster", "also when the backup is of a cluster of another name")
      .action(async (file: string, config: string, options: RestoreFlags) =>
        (await work()).restore(io, options, file, config),
      ),
  ];
}

/** key new. */
export function keyCommand(io: CliIo): Command {
  return family("key", "cluster keys, with which nodes recognise each other", [
    verb("new", "make a new key in a file that only its owner may read; copy it to every node", [
      "systole key new /etc/systole/cluster.key",
    ])
      .argument("<file>", "where to write it; must not exist yet")
      .action(async (file: string, options: { json?: true }) => {
        const { createKeyFile } = await import("../../host/key.ts");
        const { fingerprint } = createKeyFile(file);
        if (options.json) io.out(`${JSON.stringify({ ok: true, file, fingerprint })}\n`);
        else
          io.out(
            `${file} has a new key, fingerprint ${fingerprint}. Copy it to every node of the cluster, readable by its owner only.\n`,
          );
      }),
  ]);
}

/** new. */
export function newCommand(io: CliIo): Command {
  return verb("new", "make a plugin project of your own from a template that works, with its test", [
    "systole new resource-agent my-agent",
    "cd my-agent && npm test",
  ])
    .addArgument(new Argument("<kind>", "what it shall be").choices([...PROJECT_KINDS]))
    .argument("<name>", "its name: lower-case words with hyphens between")
    .option("--directory <path>", "where to put it", ".")
    .action((kind: string, name: string, options: { directory: string; json?: true }) => {
      const path = createProject(kind, name, options.directory);
      if (options.json) io.out(`${JSON.stringify({ ok: true, path })}\n`);
      else io.out(`${path} is a ${kind} that works already. Try it: cd ${path} && npm test\n`);
    });
}
