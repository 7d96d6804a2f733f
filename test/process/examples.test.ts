// Each example that the help shows is pasted as it stands, on a running node. It may find that a name is unknown here; it may
// not be a command line that is wrong.

import assert from "node:assert/strict";
import { test } from "node:test";
import { configuration, dummy, Field } from "./field.ts";

/** Examples that would not end by themselves, or write outside of the test's folder; `demo` has a test of its own. */
const NOT_HERE = /--watch|^systole demo|^systole new |\/etc\//;
/** The command line was wrong. */
const USAGE = 64;

test("every example of the help is a command line that works", async (t) => {
  const field = await Field.create(t, { nodes: 1 });
  const [node] = field.nodes;
  assert.ok(node);
  field.start(node);
  await field.together(node);
  await field.give(node, configuration(field, { resources: dummy("web") }));
  const examples: string[] = [];
  const read = async (words: readonly string[]): Promise<void> => {
    const help = (await field.systole(undefined, ...words, "--help")).out;
    const section = help.split(/^Examples?:$/m)[1]?.split(/\n\n/)[0] ?? "";
    examples.push(
      ...section
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line.startsWith("systole ")),
    );
    const commands = help.split(/^Commands:$/m)[1]?.split(/\n\n/)[0] ?? "";
    const names = [...commands.matchAll(/^ {2}([a-z]+)/gm)]
      .map(([, name]) => name ?? "")
      .filter((name) => name !== "help");
    for (const name of names) await read([...words, name]);
  };
  await read([]);
  const usable = [...new Set(examples)].filter((example) => !NOT_HERE.test(example));
  assert.ok(usable.length > 30, usable.join("\n"));
  // What stops the node comes last.
  usable.sort((one, other) => Number(one.startsWith("systole stop")) - Number(other.startsWith("systole stop")));
  for (const example of usable) {
    const words = example
      .replace(/ [|>].*$/, "")
      .split(" ")
      .slice(1)
      .map((word) => word.replaceAll('"', ""));
    const said = await field.systole(node, ...words);
    assert.notEqual(said.code, USAGE, `${example}\n${said.err}`);
    assert.notEqual(said.code, null, `${example} did not end`);
  }
});
