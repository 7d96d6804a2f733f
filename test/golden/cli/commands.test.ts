// What the command line prints, word for word: each case is a list of commands against one node, and everything it says.
// `@NAME` is a file of the folder beside this test.

import { join } from "node:path";
import { FakeNode } from "../../unit/cli/fake-node.ts";
import { goldenTests } from "../text.ts";

const FILES = join(import.meta.dirname, "files");

for (const name of ["commands", "errors", "help"]) {
  goldenTests(join(import.meta.dirname, `${name}.txt`), async (input) => {
    const node = await FakeNode.start();
    const said: string[] = [];
    try {
      for (const line of input.split("\n")) {
        const words = line.replace(/^\$ systole ?/, "").replaceAll("@", `${FILES}/`);
        const { code, out, err } = await node.run(words);
        const text = `${out}${err}`.replaceAll(`${FILES}/`, "@").replaceAll(node.socket, "SOCKET").trimEnd();
        said.push(`${line}\n${text === "" ? "" : `${text}\n`}[${code}]`);
      }
    } finally {
      await node.stop();
    }
    return said.join("\n");
  });
}
