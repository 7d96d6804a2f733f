// Plugins as somebody might publish them, good and bad ones, written into a folder for the golden texts.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const blinker = (permissions: string): string => `import { defineResourceAgent, Type } from "systole/sdk";
export default defineResourceAgent({
  name: "blinker",
  summary: "Blinks with a lamp",
  parameters: Type.Object({ lamp: Type.String({ description: "Path of the lamp" }), address: Type.String({ default: "192.0.2.1" }) }),
  permissions: { ${permissions} },
  monitor: async ({ fs, params }) => ((await fs.readText(params.lamp)) === "on" ? "running" : "stopped"),
  start: async ({ fs, params }) => fs.writeText(params.lamp, "on"),
  stop: async ({ fs, params }) => fs.remove(params.lamp),
});
`;

const LAMP = 'read: ["{lamp}"], write: ["{lamp}"]';

const PLUGIN_FILES: Readonly<Record<string, string>> = {
  "blinker.ts": blinker(`${LAMP}, run: ["lampctl status {lamp}"]`),
  "blinker-wider.ts": blinker(`${LAMP}, net: ["{address}:443/tcp"], run: ["*"]`),
  "blinker-narrower.ts": blinker(LAMP),
  "silent.ts": `import { defineFenceDevice, Type } from "systole/sdk";
export default defineFenceDevice({
  name: "silent", summary: "Knows nothing of power", parameters: Type.Object({}),
  power: async () => "unknown" as const, setPower: async () => {},
});
`,
  "taken.ts": blinker(LAMP).replace("blinker", "process"),
  "too-new.ts": 'export default { kind: "resource-agent", api: 7, spec: {} };',
  "no-plugin.ts": "export default 42;",
  "throws.ts": 'throw new Error("I need a database"); export default 1;',
  "no-syntax.ts": "export default {",
  "reads.ts": 'import secret from "../page.xml" with { type: "text" }; export default secret;',
  "loads.ts": "export default () => import(String(1));",
  "bad-manifest.ts": 'export default { kind: "resource-agent", api: 1, spec: { name: "Not A Name" } };',
  "wrong-kind.ts": 'export default { kind: "coffee-machine", api: 1, spec: {} };',
};

/** Writes them to `plugins` below a folder. */
export function writePluginFiles(folder: string): void {
  mkdirSync(join(folder, "plugins"));
  for (const [file, text] of Object.entries(PLUGIN_FILES)) writeFileSync(join(folder, "plugins", file), text);
}
