#!/usr/bin/env node
// Where `systole` begins.

import { processIo } from "./io.ts";
import { runCli } from "./program.ts";

const code = await runCli(process.argv.slice(2), processIo());
// Not process.exit: what is still being written to a pipe would be cut off. Nothing but a daemon holds the process open.
process.exitCode = code;
