// What is measured: the built program.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const PROGRAM = join(dirname(fileURLToPath(import.meta.url)), "../../dist/systole.mjs");
