// What a person is told of the plugins of a node, as long as it is so.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatusReport } from "../../../runtime/api/schema.ts";
import { renderStatus } from "../../../runtime/cli/render/status.ts";
import { statusOfReport } from "../../../runtime/cli/status-of-report.ts";
import { element } from "../../../runtime/kernel/cib/element.ts";

function report(plugins: StatusReport["plugins"], alertProblems: readonly string[] = []): StatusReport {
  return {
    alertProblems: [...alertProblems],
    cluster: "shop",
    node: { id: 1, name: "n1", incarnation: 1, pid: 1, startedEpochMs: 0, version: "0.1.0", featureLevel: 1 },
    epochMs: 1_000,
    nodes: [{ id: 1, name: "n1", votes: 1 }],
    cib: element("cib"),
    transport: { name: "udp", links: [], peers: [] },
    inFlight: [],
    plugins,
    operations: [],
    fencingHistory: [],
    acceptsLoss: false,
    longestLagMs: 0,
    stateDirectory: "/var/lib/systole",
    stopping: false,
  };
}

/** Problems of the plugins, and what the terminal shows in one line. */
function shown(
  plugins: StatusReport["plugins"],
  alertProblems: readonly string[] = [],
): { readonly problems: readonly string[]; readonly text: string } {
  const status = statusOfReport(report(plugins, alertProblems));
  assert.deepEqual(status.plugins, plugins, "the JSON has it as data");
  const text = renderStatus(status, { width: 100, colour: false, unicode: false }).join(" ").replace(/\s+/g, " ");
  return { problems: status.problems.slice(1), text };
}

test("plugins that are held are no problem", () => {
  const used = [{ plugin: "ocf:systole:dummy", state: "running" as const }];
  assert.deepEqual(shown({ confinement: "sandboxed", held: "Deno, user 65534", used }).problems, []);
});

test("plugins that nothing holds are told as long as it is so, whatever has become of the event", () => {
  const { text } = shown({ confinement: "not sandboxed", held: "Node child process", used: [] });
  assert.match(text, /Plugins are not sandboxed on n1: .* they run in Node child process, .* "requireSandbox": true/);
});

test("a node that starts no plugin says so, and which ones are missing", () => {
  const problem = "agents/dummy is not started.";
  const { text, problems } = shown({
    confinement: "refused",
    held: "there is no Deno for this platform, and requireSandbox is set",
    used: [{ plugin: "ocf:systole:dummy", state: "refused", problem }],
  });
  assert.equal(problems.length, 1, "one line, not one for each plugin");
  assert.match(
    text,
    /n1 starts no plugin: there is no Deno .* ocf:systole:dummy cannot be used here\. Install Systole/,
  );
});

test("a plugin in use that is refused is named with the cause", () => {
  const { problems } = shown({
    confinement: "sandboxed",
    held: "Deno",
    used: [{ plugin: "ocf:systole:mine", state: "refused", problem: "It throws when it is loaded." }],
  });
  assert.deepEqual(problems, ["ocf:systole:mine cannot be used on n1: It throws when it is loaded."]);
});

test("a sink of alerts that there is not is told once: by its recipient", () => {
  const problem = "There is no alert systole:nosuch on this node.";
  const used = [
    { plugin: "systole:nosuch", state: "refused", problem },
    { plugin: "ocf:systole:mine", state: "refused", problem: "It throws when it is loaded." },
  ] as const;
  const recipient = `Recipient mail is told of nothing: ${problem}`;
  const { problems } = shown({ confinement: "sandboxed", held: "Deno", used: [...used] }, [recipient]);
  assert.deepEqual(problems, [recipient, "ocf:systole:mine cannot be used on n1: It throws when it is loaded."]);
});
