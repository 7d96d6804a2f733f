// What `systole simulate` says to CIBs that it cannot plan, or not as they are written: exit code, standard error, and the plan
// where there is one. A line that begins with <nodes, <resources, <constraints, … stands in a whole CIB; `whole` gives the text as it is.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systole } from "../../unit/cli/fake-node.ts";
import { goldenTests } from "../text.ts";

const ABOUT = 'epoch="1" num_updates="0" admin_epoch="0" have-quorum="1"';
const OPTIONS =
  '<crm_config><cluster_property_set id="options"><nvpair id="no-fencing" name="stonith-enabled" value="false"/></cluster_property_set></crm_config>';
const WEB = '<primitive id="web" class="ocf" provider="pacemaker" type="Dummy"/>';
const UP = 'in_ccm="true" crmd="online" join="member" expected="member"';

/** Parts of the CIB that a case does not speak of. */
const DEFAULTS: Readonly<Record<string, string>> = {
  crm_config: OPTIONS,
  nodes: '<nodes><node id="1" uname="n1"/></nodes>',
  resources: `<resources>${WEB}</resources>`,
  constraints: "<constraints/>",
  status: `<status><node_state id="1" uname="n1" ${UP}><lrm id="1"><lrm_resources/></lrm></node_state></status>`,
};

function documentOf(input: string): string {
  const lines = input.split("\n");
  if (lines[0] === "whole") return lines.slice(1).join("\n");
  const schema = lines[0]?.startsWith("schema ") ? lines.shift()?.slice("schema ".length) : "pacemaker-4.0";
  const parts = { ...DEFAULTS };
  const rest: string[] = [];
  for (const line of lines) {
    const name = /^<([a-z_]+)/.exec(line)?.[1] ?? "";
    // Beside the resource that all cases have.
    if (name === "resources" || parts[name] === undefined) rest.push(line.replace("<resources>", `<resources>${WEB}`));
    if (parts[name] !== undefined) parts[name] = name === "resources" ? "" : line;
  }
  const { status, ...configuration } = parts;
  const inside = [...Object.values(configuration), ...rest].join("");
  return `<cib validate-with="${schema}" ${ABOUT}><configuration>${inside}</configuration>${status}</cib>`;
}

const folder = mkdtempSync(join(tmpdir(), "systole-bad-input-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

goldenTests(join(import.meta.dirname, "bad-input.txt"), async (input) => {
  const file = join(folder, "cib.xml");
  writeFileSync(file, documentOf(input));
  const { code, out, err } = await systole(["simulate", "--xml-file", file, "--simulate"]);
  const start = out.indexOf("Transition Summary:");
  const plan = start < 0 ? "" : `${out.slice(start).split("\n\n")[0]}\n`;
  return `${plan}${err.replaceAll(file, "FILE")}exit code ${code}`;
});
