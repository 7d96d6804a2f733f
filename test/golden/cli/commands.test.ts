// What the command line prints, word for word: each case is a list of commands against one node, and everything it says.
// `@NAME` is a file of the folder beside this test.

import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { FakeNode } from "../../unit/cli/fake-node.ts";
import { goldenTests } from "../text.ts";
import { writePluginFiles } from "./plugin-files.ts";

const FILES = join(import.meta.dirname, "files");

/** Those of `@plugins/`: partly no TypeScript, so they are written when they are needed. */
const WRITTEN = realpathSync(mkdtempSync(join(tmpdir(), "systole-golden-")));
writePluginFiles(WRITTEN);
after(() => rmSync(WRITTEN, { recursive: true, force: true }));

/** Simulated events carry the time of the run. */
function withoutTimes(text: string): string {
  return text
    .replace(/(last-failure-\S+=|"lastFailure": )\d{10}/g, "$1EPOCH")
    .replace(/'\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}'/g, "'TIME'");
}

/** Digests follow from the SDK that is part of each bundle: the same one has the same number within a case. */
function withoutDigests(text: string): string {
  const numbers = new Map<string, number>();
  return text
    .replace(/sha512-([A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{16}\.\.\.)/g, (digest) => {
      const begin = digest.slice(0, "sha512-".length + 16);
      numbers.set(begin, numbers.get(begin) ?? numbers.size + 1);
      return `sha512-${numbers.get(begin)}${digest.endsWith("...") ? "..." : ""}`;
    })
    .replace(/\b\d{4,}, (?=sha512-)/g, "BYTES, ");
}

for (const name of ["commands", "errors", "help", "plugins", "simulate"]) {
  goldenTests(join(import.meta.dirname, `${name}.txt`), async (input) => {
    const node = await FakeNode.start();
    const said: string[] = [];
    try {
      for (const line of input.split("\n")) {
        const words = line
          .replace(/^\$ systole ?/, "")
          .replaceAll(" @plugins/", ` ${WRITTEN}/plugins/`)
          .replaceAll(" @", ` ${FILES}/`);
        const { code, out, err } = await node.run(words);
        const text = `${out}${err}`
          .replaceAll(`${FILES}/`, "@")
          .replaceAll(`${WRITTEN}/`, "@")
          .replaceAll(node.socket, "SOCKET")
          .trimEnd();
        said.push(`${line}\n${text === "" ? "" : `${text}\n`}[${code}]`);
      }
    } finally {
      await node.stop();
    }
    if (name === "plugins") return withoutDigests(said.join("\n"));
    return name === "simulate" ? withoutTimes(said.join("\n")) : said.join("\n");
  });
}
