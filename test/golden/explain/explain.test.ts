// What `systole explain` says, word for word, of small clusters (scheduler/cib-text.ts says how they are written).
// A line "explain RESOURCE [NODE]" or "explain-node NODE" says what is asked for; without it, everything is explained.

import { join } from "node:path";
import { md5Hex } from "../../../runtime/host/md5.ts";
import { explainReport } from "../../../runtime/services/scheduler/explain/report.ts";
import { reportLines } from "../../../runtime/services/scheduler/explain/words.ts";
import { schedule } from "../../../runtime/services/scheduler/schedule.ts";
import { cibFromLines } from "../scheduler/cib-text.ts";
import { goldenTests } from "../text.ts";

goldenTests(join(import.meta.dirname, "explain.txt"), (input) => {
  const question = /^explain (?<resource>\S+)(?: (?<node>\S+))?$|^explain-node (?<whole>\S+)$/m.exec(input);
  const line = question?.[0] ?? "";
  const { resource, whole, node = whole } = question?.groups ?? {};
  const report = explainReport({
    cib: cibFromLines(input.replace(line, "")),
    schedule: (cib, explain) => schedule(cib, { nowEpochSeconds: 1_000_600, md5Hex, explain }),
    ...(resource === undefined ? {} : { resource }),
    ...(node === undefined ? {} : { node }),
  });
  if (report === undefined) return `no resource ${resource}`;
  return reportLines(report)
    .map(({ depth, text }) => `${"  ".repeat(depth)}${text}`)
    .join("\n");
});
