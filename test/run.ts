// Runs the tests and says at the end, for each thing it skipped, what is missing. `run.ts all` is `npm test`,
// `run.ts quick` is the part that `npm run ok` needs, `run.ts golden` the golden texts; further arguments pick files by a part of their path,
// and --rewrite writes the golden texts anew.
//
// With SYSTOLE_REQUIRE_ALL=1 (as .ci/run sets it) a skipped test fails the run: the machine was to have everything. But for what
// no installation brings: a reason that begins with "not on this kernel: ".

import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

const TEST_FOLDER = dirname(fileURLToPath(import.meta.url));

/** Which folders below test/ each kind of run takes, in the order in which they start: the slow ones first. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  all: ["process", "interop", "sim", "property", "golden", "conformance", "unit", "tidy.test.ts"],
  quick: ["tidy.test.ts", "unit", "property", "golden", "conformance", "sim"],
  golden: ["golden"],
};

/** A file that does not end within this time is stuck. */
const FILE_TIMEOUT_MS = 240_000;

interface Skipped {
  readonly name: string;
  readonly file: string;
  readonly reason: string;
}

function testFiles(folder: string): string[] {
  if (folder.endsWith(".test.ts")) return [join(TEST_FOLDER, folder)];
  const entries = readdirSync(join(TEST_FOLDER, folder), { recursive: true, encoding: "utf8" });
  return entries
    .filter((entry) => entry.endsWith(".test.ts") && !entry.includes("node_modules"))
    .sort()
    .map((entry) => join(TEST_FOLDER, folder, entry));
}

function chosenFiles(): string[] {
  const [kind = "all", ...words] = process.argv.slice(2);
  if (words.includes("--rewrite")) process.env["SYSTOLE_GOLDEN_REWRITE"] = "1";
  const parts = words.filter((word) => word !== "--rewrite");
  const folders = FOLDERS[kind];
  if (folders === undefined) {
    process.stderr.write(`There is no run called ${kind}; choose one of ${Object.keys(FOLDERS).join(", ")}.\n`);
    process.exit(2);
  }
  const files = folders.flatMap(testFiles);
  return parts.length === 0 ? files : files.filter((file) => parts.some((part) => file.includes(part)));
}

/** Begins the reason of a test for which another kernel would be needed, or another way to start it. */
const KERNEL = "not on this kernel: ";

const skipped: Skipped[] = [];
let failed = 0;
let passed = 0;

const stream = run({ files: chosenFiles(), concurrency: availableParallelism(), timeout: FILE_TIMEOUT_MS });
stream.on("test:pass", (data) => {
  if (data.skip !== undefined) {
    const reason = typeof data.skip === "string" ? data.skip : "no reason given";
    skipped.push({ name: data.name, file: relative(TEST_FOLDER, data.file ?? ""), reason });
  } else if (data.details.type !== "suite") {
    passed += 1;
  }
});
stream.on("test:fail", () => {
  failed += 1;
});
stream.compose(new spec()).pipe(process.stdout);
stream.on("end", () => {
  process.once("beforeExit", () => {
    for (const { name, file, reason } of skipped) process.stdout.write(`skipped: ${name} (${file}): ${reason}\n`);
    const missing = skipped.filter(({ reason }) => !reason.startsWith(KERNEL));
    const refused = process.env["SYSTOLE_REQUIRE_ALL"] === "1" ? missing.length : 0;
    if (refused > 0) {
      process.stdout.write(
        "Nothing may be skipped here (SYSTOLE_REQUIRE_ALL=1): install what is missing, named above.\n",
      );
    }
    process.stdout.write(`${passed} passed, ${failed} failed, ${skipped.length} skipped\n`);
    process.exitCode = failed + refused > 0 || passed === 0 ? 1 : 0;
  });
});
