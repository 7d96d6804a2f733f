// Golden texts: a file of cases, each a title, an input and the output that belongs to it. A test computes the output anew;
// SYSTOLE_GOLDEN_REWRITE=1 (`npm run golden -- --rewrite`) writes what it computed, to be looked at with `git diff`.
//
//   === title
//   input lines
//   ---
//   output lines

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";

interface Case {
  readonly title: string;
  readonly input: string;
  readonly expected: string;
}

/** Makes a test of each case of the file. */
export function goldenTests(path: string, compute: (input: string, title: string) => string | Promise<string>): void {
  const [head = "", ...blocks] = readFileSync(path, "utf8").split(/^=== /m);
  const cases = blocks.map((block): Case => {
    const [title = "", ...lines] = block.split("\n");
    const bar = lines.indexOf("---");
    const expected = bar < 0 ? "" : lines.slice(bar + 1).join("\n");
    return {
      title,
      input: lines
        .slice(0, bar < 0 ? lines.length : bar)
        .join("\n")
        .trim(),
      expected: expected.trim(),
    };
  });
  assert.ok(cases.length > 0, `${path} has no cases`);
  const computed: string[] = [];
  const rewrite = process.env["SYSTOLE_GOLDEN_REWRITE"] === "1";
  for (const { title, input, expected } of cases) {
    test(title, async () => {
      const output = (await compute(input, title)).trim();
      computed.push(`=== ${title}\n${input}\n---\n${output}\n`);
      if (!rewrite) assert.equal(output, expected);
      else if (computed.length === cases.length) writeFileSync(path, `${head}${computed.join("\n")}`);
    });
  }
}
