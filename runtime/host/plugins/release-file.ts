// Where the files of the release are, from source and from the built program.

import { fileURLToPath } from "node:url";

/** Running from source, or from the built dist/systole.mjs? */
export const FROM_SOURCE = import.meta.url.endsWith(".ts");

/** Where a file of the release is: `source` counts from this project's root, `built` from dist. */
export function releaseFile(source: string, built: string): string {
  return fileURLToPath(new URL(FROM_SOURCE ? `../../../${source}` : `./${built}`, import.meta.url));
}
