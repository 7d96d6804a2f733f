// `systole plugin permissions FILE`: from what plugins were seen to do, the smallest permissions that allow it.

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { proposePermissions } from "../../host/plugins/audit.ts";
import { refused } from "../failure.ts";
import type { CliIo } from "../io.ts";
import { verb } from "../options.ts";

function readAudit(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    throw refused("not-found", `The file ${file} cannot be read. Name what "systole node --audit FILE" has written.`);
  }
}

/** The command. */
export function permissionsCommand(io: CliIo): Command {
  return verb("permissions", "propose the smallest permissions for what plugins were seen to do", [
    "systole plugin permissions audit.jsonl",
  ])
    .argument("<file>", 'what "systole node --audit FILE" has written')
    .action((file: string, options: { json?: true }) => {
      const { proposals, unreadable } = proposePermissions(readAudit(file));
      if (options.json) {
        io.out(`${JSON.stringify({ proposals, unreadable })}\n`);
        return;
      }
      if (proposals.length === 0) io.out("No plugin was seen to use a permission.\n");
      for (const { plugin, permissions } of proposals) {
        io.out(`${plugin}\n  permissions: {\n`);
        for (const [kind, lines] of Object.entries(permissions)) io.out(`    ${kind}: ${JSON.stringify(lines)},\n`);
        io.out("  },\n");
      }
      if (unreadable > 0) io.out(`${unreadable} lines of ${file} are no lines of an audit; they were left out.\n`);
    });
}
