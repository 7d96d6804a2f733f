import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseXml } from "../../../runtime/compat/xml.ts";
import { type Element, element } from "../../../runtime/kernel/cib/element.ts";
import { CIB_LIMITS } from "../../../runtime/model/validate/limits.ts";
import { MAX_PROBLEMS } from "../../../runtime/model/validate/problem.ts";
import { problemText, validateCib, validateConfiguration } from "../../../runtime/model/validate.ts";

const POWER = '<primitive id="power" class="stonith" type="systole:dummy"/>';

function configuration(inner: string): Element {
  return parseXml(`<configuration><crm_config/><nodes/>${inner}</configuration>`);
}

function cibWith(resources: readonly Element[], constraints: readonly Element[] = []): Element {
  const sections = [element("crm_config"), element("nodes"), element("resources", {}, resources)];
  return element("cib", {}, [element("configuration", {}, [...sections, element("constraints", {}, constraints)])]);
}

function dummy(id: string): Element {
  return element("primitive", { id, class: "stonith", type: "systole:dummy" });
}

const codes = (problems: readonly { readonly code: string }[]): string[] => problems.map((problem) => problem.code);

describe("sizes", () => {
  test("more resources than the limit are refused in one sentence", () => {
    const resources = Array.from({ length: CIB_LIMITS.resources + 1 }, (_, i) => dummy(`r${i}`));
    const [problem, ...rest] = validateCib(cibWith(resources));
    assert.equal(problem?.code, "too-large");
    assert.match(problem?.text ?? "", /20001 resources/);
    assert.deepEqual(rest, []);
  });

  test("elements nested too deep are refused before the stack suffers", () => {
    let rule = element("rule", { id: "r" });
    for (let i = 0; i < 50_000; i += 1) rule = element("rule", { id: `r${i}` }, [rule]);
    const location = element("rsc_location", { id: "l", rsc: "a" }, [rule]);
    assert.deepEqual(codes(validateCib(cibWith([dummy("a")], [location]))), ["too-large"]);
  });

  test("too many elements, attributes and characters are refused", () => {
    const refs = Array.from({ length: CIB_LIMITS.elements }, () => element("resource_ref", { id: "a" }));
    const set = element("rsc_colocation", { id: "k" }, [element("resource_set", { id: "s" }, refs)]);
    assert.deepEqual(codes(validateCib(cibWith([dummy("a")], [set]))), ["too-large"]);
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`a${i}`, "x"]));
    assert.equal(validateCib(cibWith([element("primitive", { id: "a", ...many })]))[0]?.code, "too-large");
    const long = element("primitive", { ...dummy("a").attributes, description: "x".repeat(300_000) });
    assert.equal(validateCib(cibWith([long]))[0]?.code, "too-long");
  });

  test("the list of problems ends, and says how many are not in it", () => {
    const resources = Array.from({ length: MAX_PROBLEMS * 3 }, (_, i) => element("primitive", { id: `r${i}` }));
    const problems = validateCib(cibWith(resources));
    assert.equal(problems.length, MAX_PROBLEMS + 1);
    assert.equal(problems.at(-1)?.code, "too-many-problems");
  });

  test("a long list of faults does not look for hints that nobody is told", () => {
    const count = CIB_LIMITS.resources;
    const orders = Array.from({ length: count }, (_, i) =>
      element("rsc_colocation", { id: `k${i}`, rsc: `r${i}`, "with-rsc": `missing${i}`, score: "1" }),
    );
    const resources = Array.from({ length: count }, (_, i) => dummy(`r${i}`));
    assert.equal(validateCib(cibWith(resources, orders)).length, MAX_PROBLEMS + 1);
  });
});

describe("against the configuration before", () => {
  const faulty = `<resources>${POWER}</resources><constraints><rsc_order id="o" first="power" then="gone"/></constraints>`;

  test("a fault that was there before is told, and does not refuse", () => {
    const before = configuration(faulty);
    const after = configuration(faulty.replace("/></resources>", ' description="new"/></resources>'));
    const problems = validateConfiguration(after, before);
    assert.deepEqual(
      problems.map(({ severity, code }) => [severity, code]),
      [["warning", "dangling-reference"]],
    );
    assert.match(problems[0]?.text ?? "", /It was so before/);
  });

  test("a new fault refuses", () => {
    const before = configuration(`<resources>${POWER}</resources><constraints/>`);
    assert.deepEqual(codes(validateConfiguration(configuration(faulty), before)), ["dangling-reference"]);
  });

  test("what is no configuration is refused", () => {
    assert.equal(validateConfiguration(element("cib"))[0]?.code, "unknown-element");
    assert.equal(validateCib(element("html"))[0]?.code, "not-a-cib");
  });
});

test("names that objects have by themselves are names like any other", () => {
  const cib = cibWith([
    element("primitive", { id: "constructor", class: "stonith", type: "x", toString: "y", hasOwnProperty: "z" }),
    element("valueOf", {}),
  ]);
  const found = codes(validateCib(cib));
  assert.deepEqual(found, ["unknown-attribute", "unknown-attribute", "unknown-element"]);
});

const CORPUS = join(import.meta.dirname, "../../../../shared/data/scheduler");
for (const folder of ["cts", "mut"]) {
  const path = join(CORPUS, folder);
  const skip = existsSync(path)
    ? false
    : "the reference cases of the scheduler are not here (../shared/data/scheduler)";
  test(`no CIB of the reference cases is refused without cause (${folder})`, { skip }, () => {
    const refused: string[] = [];
    for (const file of readdirSync(path).filter((name) => name.endsWith(".xml"))) {
      const problems = validateCib(parseXml(readFileSync(join(path, file), "utf8")));
      const error = problems.find((problem) => problem.severity === "error");
      if (error !== undefined) refused.push(`${file}: ${error.code} ${problemText(error)}`);
    }
    // Two of the mutated cases really have a value that no schema knows.
    const invalid = refused.filter((line) => !/kind="foo"|timeout="bad"/.test(line));
    assert.deepEqual(invalid, []);
    assert.ok(refused.length <= 2);
  });
}
