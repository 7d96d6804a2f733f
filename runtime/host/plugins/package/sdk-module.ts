// `systole/sdk` as one module, for bundles. Built with the release; made here when Systole runs from its source.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { FROM_SOURCE, releaseFile } from "../release-file.ts";

let made: Promise<string> | undefined;

/** Its text, the same in every process of a release. */
export function sdkModule(): Promise<string> {
  made ??= FROM_SOURCE ? fromSource() : readFile(releaseFile("sdk/mod.ts", "sdk.mjs"), "utf8");
  return made;
}

/** With the settings of runtime/build.mjs. */
async function fromSource(): Promise<string> {
  const esbuild = await import("esbuild");
  const result = await esbuild.build({
    entryPoints: ["sdk/mod.ts"],
    absWorkingDir: fileURLToPath(new URL("../../../../", import.meta.url)),
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    legalComments: "none",
    logLevel: "silent",
  });
  return result.outputFiles[0]?.text ?? "";
}
