// What the command line prints, word for word: each case is a list of commands against one node, and everything it says.
// `@NAME` is a file of the folder beside this test.

import { join } from "node:path";
import { FakeNode } from "../../unit/cli/fake-node.ts";
import { goldenTests } from "../text.ts";

const FILES = join(import.meta.dirname, "files");

/** Simulated events carry the time of the run. */
function withoutTimes(text: string): string {
  return text
    .replace(/(last-failure-\S+=|"lastFailure": )\d{10}/g, "$1EPOCH")
    .replace(/'\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}'/g, "'TIME'");
}

for (const name of ["commands", "errors", "help", "simulate"]) {
  goldenTests(join(import.meta.dirname, `${name}.txt`), async (input) => {
    const node = await FakeNode.start();
    const said: string[] = [];
    try {
      for (const line of input.split("\n")) {
        const words = line.replace(/^\$ systole ?/, "").replaceAll(" @", ` ${FILES}/`);
        const { code, out, err } = await node.run(words);
        const text = `${out}${err}`.replaceAll(`${FILES}/`, "@").replaceAll(node.socket, "SOCKET").trimEnd();
        said.push(`${line}\n${text === "" ? "" : `${text}\n`}[${code}]`);
      }
    } finally {
      await node.stop();
    }
    return name === "simulate" ? withoutTimes(said.join("\n")) : said.join("\n");
  });
}
