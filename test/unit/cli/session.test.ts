import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Compile } from "typebox/schema";
import { withAttributes } from "../../../runtime/kernel/cib/element.ts";
import { ClusterStatusSchema } from "../../../runtime/model/status/schema.ts";
import { FakeNode, NOON_EPOCH_MS } from "./fake-node.ts";

let node: FakeNode;
beforeEach(async () => {
  node = await FakeNode.start();
});
afterEach(() => node.stop());

function bump(): void {
  node.cib = withAttributes(node.cib, { epoch: `${Number(node.cib.attributes["epoch"]) + 1}` });
}

describe("changes", () => {
  test("are made anew when the configuration changed in between", async () => {
    let times = 2;
    node.beforeChange = () => {
      if (times-- > 0) bump();
    };
    const { code, out } = await node.run("resource stop web");
    assert.equal(code, 0);
    assert.equal(out, '"web" shall stop.\n');
    assert.equal(node.requests.length, 3);
  });

  test("are given up when it changes all the time", async () => {
    node.beforeChange = bump;
    const { code, err } = await node.run("resource stop web");
    assert.equal(code, 1);
    assert.match(err, /^systole: Refused, nothing was changed: The configuration has changed since/);
    assert.equal(node.requests.length, 5);
  });

  test("of unknown outcome are asked again under the same id", async () => {
    node.outcomes.push({ outcome: "unknown", reason: "A view formed in between." });
    const { code } = await node.run("resource stop web");
    assert.equal(code, 0);
    const ids = node.requests.map((request) =>
      request !== null && typeof request === "object" && "id" in request ? request.id : undefined,
    );
    assert.equal(ids.length, 2);
    assert.equal(ids[0], ids[1]);
  });

  test("whose outcome stays unknown end with 69 and say what to do", async () => {
    const outcome = { outcome: "unknown", reason: "A view formed in between." } as const;
    node.outcomes.push(outcome, outcome, outcome);
    const { code, err } = await node.run("resource stop web");
    assert.equal(code, 69);
    assert.match(err, /It is unknown whether the change was made: A view formed in between\. Look with/);
  });

  test("of unknown outcome stay so when a node then refuses for itself alone", async () => {
    node.outcomes.push({ outcome: "unknown", reason: "A view formed in between." });
    node.outcomes.push({ outcome: "refused", code: "no-quorum", reason: "There is no quorum." });
    const { code, err } = await node.run("resource stop web");
    assert.equal(code, 69);
    assert.match(
      err,
      /unknown whether the change was made: An earlier asking has no answer yet, and now: There is no quorum/,
    );
  });

  test("that the cluster refuses end with 1, as JSON too", async () => {
    node.outcomes.push({ outcome: "refused", code: "no-quorum", reason: "There is no quorum. Bring nodes back." });
    const { code, out } = await node.run("resource stop web --json");
    assert.equal(code, 1);
    assert.deepEqual(JSON.parse(out).error.code, "no-quorum");
  });
});

describe("fencing asks a person", () => {
  test("and takes the node's name for a yes", async () => {
    const { code, err } = await node.run("fence n3", { answer: "n3" });
    assert.equal(code, 0);
    assert.match(err, /n3 loses power at once, with everything that runs there\. Type the node's name to go on: /);
    assert.equal(node.requests.length, 1);
  });

  test("and so does the word that a node is off", async () => {
    const { code, err } = await node.run("fence confirm n3", { answer: "n3" });
    assert.equal(code, 0, err);
    assert.match(err, /If n3 still has power, its resources will run twice/);
    assert.deepEqual(
      node.requests.map((one) => (one !== null && typeof one === "object" && "request" in one ? one.request : "")),
      ["fence-confirm"],
    );
  });

  test("and nothing else", async () => {
    const { code, err } = await node.run("fence n3", { answer: "y" });
    assert.equal(code, 1);
    assert.match(err, /That is not its name, so n3 was not fenced/);
    assert.equal(node.requests.length, 0);
  });
});

describe("status", () => {
  test("as JSON has the form that its schema says", async () => {
    const { out } = await node.run("status --json");
    const schema = Compile(ClusterStatusSchema);
    const value: unknown = JSON.parse(out);
    assert.ok(schema.Check(value), JSON.stringify(schema.Errors(value)[1].slice(0, 3)));
  });

  test("has colour on a terminal, and not against NO_COLOR, TERM=dumb or into a pipe", async () => {
    assert.ok((await node.run("status", { terminal: true })).out.includes("\u001b["));
    for (const options of [
      { terminal: true, env: { NO_COLOR: "1" } },
      { terminal: true, env: { TERM: "dumb" } },
      { terminal: false },
    ]) {
      assert.ok(!(await node.run("status", options)).out.includes("\u001b["), JSON.stringify(options));
    }
  });

  test("is plain ASCII where the locale is", async () => {
    const { out } = await node.run("status", { env: { LANG: "C" } });
    assert.match(out, /^[\n\x20-\x7e]+$/);
    assert.match(out, /\* n1 {3}online/);
  });

  test("fits a narrow terminal", async () => {
    const { out } = await node.run("status", { columns: 40 });
    for (const line of out.split("\n")) assert.ok([...line].length <= 40, line);
  });

  test("--watch without a terminal prints events as lines until Ctrl-C", async () => {
    const { code, out } = await node.run("status --watch", {
      onOut(text, interrupt) {
        if (text.includes("[2Joff")) interrupt();
        else if (text.includes("view 4")) {
          const text = "n3 is \u001b[2Joff";
          node.events.add({ epochMs: NOON_EPOCH_MS + 1000, kind: "fence", code: "off", text, severity: "warning" });
        }
      },
    });
    assert.equal(code, 0);
    // The escape character is gone; what is left of the sequence moves no cursor.
    assert.equal(out, "12:00:00 n1, n2 form view 4\n12:00:01 warning: n3 is  [2Joff\n");
  });

  test("--watch ends with 69 when the node does", async () => {
    let stopped = false;
    const { code, out } = await node.run("status --watch --json", {
      onOut() {
        if (!stopped) void node.stop();
        stopped = true;
      },
    });
    assert.equal(code, 69);
    assert.match(out, /"code":"connection-lost"/);
  });
});

test("the default socket is the one in the environment, and --socket goes before it", async () => {
  const { code } = await node.run("status", { env: { SYSTOLE_SOCKET: "/nowhere" } });
  assert.equal(code, 69);
  assert.equal((await node.run(`status --socket ${node.socket}`, { env: { SYSTOLE_SOCKET: "/nowhere" } })).code, 0);
});
