// What is said about faulty configurations, word for word.

import { join } from "node:path";
import { parseXml } from "../../../runtime/compat/xml.ts";
import { problemText, validateCib } from "../../../runtime/model/validate.ts";
import { goldenTests } from "../text.ts";

goldenTests(join(import.meta.dirname, "problems.txt"), (input) => {
  const xml = input.startsWith("<cib") ? input : `<cib><configuration>${input}</configuration></cib>`;
  const problems = validateCib(parseXml(xml)).filter((problem) => problem.code !== "missing-section");
  if (problems.length === 0) return "valid";
  return problems.map((problem) => `${problem.severity} ${problem.code}: ${problemText(problem)}`).join("\n");
});
