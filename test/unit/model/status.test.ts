import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { formatXml, parseXml } from "../../../runtime/compat/xml.ts";
import type { Element } from "../../../runtime/kernel/cib/element.ts";
import type { Departure } from "../../../runtime/kernel/membership/view.ts";
import type { Standing } from "../../../runtime/kernel/messages.ts";
import type { ResourceStatus } from "../../../runtime/model/status/schema.ts";
import { whyText } from "../../../runtime/model/status/why.ts";
import { clusterStatus } from "../../../runtime/model/status.ts";

const ONLINE = 'in_ccm="true" crmd="online" join="member" expected="member"';
const GONE = 'in_ccm="false" crmd="offline" join="down"';

function operation(name: string, rc: number, more = ""): string {
  return `<lrm_rsc_op id="x_${name}" operation="${name}" interval="0" call-id="5" rc-code="${rc}" op-status="0" ${more}/>`;
}

function history(resource: string, operations: string): string {
  return `<lrm_resource id="${resource}" class="ocf" provider="systole" type="dummy">${operations}</lrm_resource>`;
}

function node(id: number, state: string, histories = ""): string {
  return `<node_state id="${id}" uname="n${id}" ${state}><lrm id="${id}"><lrm_resources>${histories}</lrm_resources></lrm></node_state>`;
}

function cib(states: string, meta = "", options = ""): Element {
  return parseXml(`<cib have-quorum="1" dc-uuid="1"><configuration>
<crm_config><cluster_property_set id="o">${options}</cluster_property_set></crm_config>
<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/></nodes>
<resources><primitive id="power" class="stonith" type="systole:dummy"/>
<group id="shop"><meta_attributes id="gm">${meta}</meta_attributes><primitive id="web" class="ocf" provider="systole" type="dummy"/></group></resources>
<constraints/></configuration><status>${states}</status></cib>`);
}

function standing(members: readonly number[], departures: readonly Departure[] = []): Standing {
  return {
    view: {
      id: { number: 2, proposer: 1 },
      members: members.map((id) => ({ id, incarnation: 1, featureLevel: 1, primaryNumber: 1, seniority: 1 })),
      departures,
    },
    coordinator: 1,
    quorate: true,
    primary: true,
    established: true,
    primaryNumber: 2,
    votes: members.length,
    expectedVotes: 2,
    reason: "Quorum.",
    missing: [],
  };
}

const states = (document: Element, now?: Standing): string[] =>
  clusterStatus(document, now).nodes.map((one) => one.state);
const find = (tree: readonly ResourceStatus[], id: string): ResourceStatus | undefined =>
  tree.flatMap((one) => [one, find(one.members, id)]).find((one) => one?.id === id);
const web = (document: Element) => find(clusterStatus(document).resources, "web");

describe("nodes", () => {
  test("as the status section has them", () => {
    assert.deepEqual(states(cib(node(1, ONLINE) + node(2, `${GONE} expected="member"`))), ["online", "unclean"]);
    assert.deepEqual(states(cib(node(1, ONLINE) + node(2, `${GONE} expected="down"`))), ["online", "offline"]);
    assert.deepEqual(states(cib(node(1, ONLINE))), ["online", "unclean"], "not seen since the start");
    const joining = 'in_ccm="true" crmd="online" join="pending" expected="member"';
    assert.deepEqual(states(cib(node(1, ONLINE) + node(2, joining))), ["online", "pending"]);
  });

  test("the times that newer Pacemakers write count as yes", () => {
    const newer = 'in_ccm="1795348700" crmd="1795348701" join="member" expected="member"';
    assert.deepEqual(states(cib(node(1, newer) + node(2, 'in_ccm="0" crmd="0" join="down" expected="down"'))), [
      "online",
      "offline",
    ]);
  });

  test("the agreed view is newer than the status section", () => {
    const both = cib(node(1, ONLINE) + node(2, ONLINE));
    assert.deepEqual(states(both, standing([1, 2])), ["online", "online"]);
    assert.deepEqual(states(both, standing([1])), ["online", "unclean"]);
    const left = { id: 2, incarnation: 1, cause: "left" } as const;
    assert.deepEqual(states(both, standing([1], [left])), ["online", "offline"]);
    assert.deepEqual(states(cib(node(1, ONLINE)), standing([1, 2])), ["online", "pending"]);
  });

  test("without fencing, a lost node is taken as gone", () => {
    const off = '<nvpair id="o1" name="stonith-enabled" value="false"/>';
    assert.deepEqual(states(cib(node(1, ONLINE) + node(2, `${GONE} expected="member"`), "", off)), [
      "online",
      "offline",
    ]);
  });

  test("a node that went away while something was active there may still run it", () => {
    const running = history("web", operation("start", 0));
    const status = clusterStatus(cib(node(1, ONLINE) + node(2, `${GONE} expected="down"`, running)));
    assert.equal(status.nodes[1]?.state, "unclean");
    assert.equal(status.nodes[1]?.reason, "web may still be active there");
  });

  test("a stop that failed makes its node unclean", () => {
    const stuck = history(
      "web",
      operation("start", 0) + operation("stop", 1, 'call-id2="7"').replace('call-id="5"', 'call-id="7"'),
    );
    const status = clusterStatus(cib(node(1, ONLINE, stuck) + node(2, ONLINE)));
    assert.equal(status.nodes[0]?.state, "unclean");
    assert.equal(status.nodes[0]?.reason, "web could not be stopped there");
  });
});

describe("resources", () => {
  test("started, starting, failed, stopped", () => {
    assert.deepEqual(web(cib(node(1, ONLINE, history("web", operation("start", 0)))))?.activities, [
      { node: "n1", role: "Started", failed: false, blocked: false },
    ]);
    const starting = operation("start", 193)
      .replace('op-status="0"', 'op-status="-1"')
      .replace('call-id="5"', 'call-id="-1"');
    assert.equal(web(cib(node(1, ONLINE, history("web", starting))))?.activities[0]?.pending, "starting");
    const failed = web(cib(node(1, ONLINE, history("web", operation("start", 1)))));
    assert.equal(failed?.failed, true);
    const stopped = operation("start", 0) + operation("stop", 0).replace('call-id="5"', 'call-id="6"');
    assert.deepEqual(web(cib(node(1, ONLINE, history("web", stopped))))?.activities, []);
    assert.deepEqual(web(cib(node(1, ONLINE, history("web", operation("monitor", 7)))))?.activities, []);
  });

  test("what a group says holds for its members", () => {
    const stopped =
      '<nvpair id="g1" name="target-role" value="Stopped"/><nvpair id="g2" name="is-managed" value="false"/>';
    const found = web(cib(node(1, ONLINE), stopped));
    assert.equal(found?.disabled, true);
    assert.equal(found?.managed, false);
  });

  test("what runs without being configured is an orphan", () => {
    const { resources } = clusterStatus(cib(node(1, ONLINE, history("old", operation("start", 0)))));
    assert.deepEqual(
      resources.filter((one) => one.orphan).map((one) => one.id),
      ["old"],
    );
  });

  test("a failure is over after failure-timeout", () => {
    const timeout = '<nvpair id="g1" name="failure-timeout" value="60s"/>';
    const document = cib(node(1, ONLINE, history("web", operation("start", 1, 'last-rc-change="1000"'))), timeout);
    assert.equal(clusterStatus(document, undefined, { epochMs: 1_030_000 }).failedOperations.length, 1);
    assert.equal(clusterStatus(document, undefined, { epochMs: 1_061_000 }).failedOperations.length, 0);
  });
});

describe("why", () => {
  const document = cib(node(1, ONLINE, history("web", operation("start", 0))) + node(2, ONLINE));
  const status = clusterStatus(document);
  const causes = [{ code: "location", text: "Because its location constraint prefers n1." }];

  test("the scheduler's causes become a sentence", () => {
    const place = { resource: "web", node: "n1", role: "Started", activeOn: ["n1"], causes };
    assert.deepEqual(whyText("shop", [place], status, document), [
      "web runs on n1, because its location constraint prefers n1.",
    ]);
    const stopped = { resource: "web", role: "Stopped", activeOn: ["n1"], causes };
    assert.match(whyText("web", [stopped], status, document)[0] ?? "", /runs on n1 and is to be stopped, because/);
    const moving = { ...place, node: "n2" };
    assert.match(whyText("web", [moving], status, document)[0] ?? "", /runs on n1 and is to move to n2/);
  });

  test("without a cause from the scheduler, the configuration is asked", () => {
    const place = { resource: "web", node: "n1", role: "Started", activeOn: ["n1"], causes: [] };
    assert.deepEqual(whyText("web", [place], status, document), [
      "web runs on n1, because nothing in the configuration asks for another node.",
    ]);
    const rules =
      '<constraints><rsc_location id="l" rsc="shop" node="n1" score="50"/><rsc_colocation id="c" rsc="web" with-rsc="power" score="10"/></constraints>';
    const sticky = '<meta_attributes id="gm"><nvpair id="s" name="resource-stickiness" value="7"/></meta_attributes>';
    const text = formatXml(document).replace("<constraints/>", rules).replace('<meta_attributes id="gm"/>', sticky);
    assert.deepEqual(whyText("web", [place], status, parseXml(text)), [
      "web runs on n1, because the constraint l wants it there (score 50); and the constraint c wants it with power; and it is there already and resource-stickiness is 7.",
    ]);
  });

  test("what keeps it is said with the remedy", () => {
    const stopped = clusterStatus(cib(node(1, ONLINE), '<nvpair id="g1" name="target-role" value="Stopped"/>'));
    assert.match(
      whyText("web", [], stopped, document).join(" "),
      /target-role of shop is Stopped: "systole resource start shop"/,
    );
    assert.deepEqual(whyText("nothing", [], status, document), []);
  });
});

const CASES = join(import.meta.dirname, "../../../../shared/data/scheduler/cts");
const skip = existsSync(CASES) ? false : "the reference cases of the scheduler are not here (../shared/data/scheduler)";

test("nodes are judged as Pacemaker does in nearly all reference cases", { skip }, () => {
  let same = 0;
  let other = 0;
  for (const file of readdirSync(CASES).filter((name) => name.endsWith(".summary"))) {
    const [text = ""] = readFileSync(join(CASES, file), "utf8").split("Transition Summary");
    const document = parseXml(readFileSync(join(CASES, file.replace(".summary", ".xml")), "utf8"));
    const judged = new Map(clusterStatus(document).nodes.map((one) => [one.name, one.state]));
    for (const [, kind = "", names = ""] of text.matchAll(/\* (Online|OFFLINE): \[ (.*) \]/g)) {
      const wanted = kind === "Online" ? ["online", "shutting-down"] : ["offline"];
      for (const name of names.split(" ")) {
        if (wanted.includes(judged.get(name) ?? "")) same += 1;
        else other += 1;
      }
    }
    for (const [, name = ""] of text.matchAll(/\* Node (\S+): UNCLEAN/g)) {
      if (judged.get(name) === "unclean") same += 1;
      else other += 1;
    }
  }
  assert.ok(same > 1_500 && other / same < 0.02, `${same} nodes alike, ${other} not`);
});
