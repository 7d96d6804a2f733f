// `systole node CONFIG --check`: would a node start with this configuration?

import { loadConfig } from "../../host/config.ts";
import { keyFingerprint, readKeyFile } from "../../host/key.ts";
import type { CliIo } from "../io.ts";

/**
 * Checks the configuration and the key that it names.
 * @throws SystoleError with what is wrong.
 */
export function checkConfig(io: CliIo, options: { readonly json?: true }, file: string): void {
  const config = loadConfig(file);
  const fingerprint = keyFingerprint(readKeyFile(config.keyFile));
  const { cluster, self, nodes } = config;
  if (options.json) {
    io.out(`${JSON.stringify({ ok: true, cluster, node: self.name, nodes: nodes.length, fingerprint })}\n`);
    return;
  }
  const names = nodes.map((node) => node.name).join(", ");
  io.out(
    `The configuration is valid: ${self.name} of cluster ${cluster} (${names}); key fingerprint ${fingerprint}.\n`,
  );
}
