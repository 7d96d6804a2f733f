// Who may write himself into the arbiter's register, and who may not.

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  formatLineage,
  type Half,
  judgeLineage,
  type Lineage,
  parseLineage,
} from "../../../../runtime/kernel/quorum/lineage.ts";

const HELD: Lineage = { cluster: "c", register: "r1", number: 7, members: [1], base: 6, claim: "1.1.9.1" };

const half = (more: Partial<Half>): Half => ({ register: "r1", intact: [2], adopted: 6, override: false, ...more });

describe("the arbiter's register", () => {
  it("refuses a half that knows nothing of the one that went on, whatever was fenced", () => {
    const refused = judgeLineage(HELD, half({}));
    assert.equal(refused.granted, false);
    assert.match(
      "reason" in refused ? refused.reason : "",
      /node 1 went on in primary view 7.*Bring one of these nodes back/s,
    );
  });

  it("takes whoever has adopted that primary view or a later one; what was before is then no matter", () => {
    for (const adopted of [7, 8, 100]) {
      assert.deepEqual(judgeLineage(HELD, half({ adopted })), { granted: true, base: 7, above: 0 });
    }
  });

  it("takes a member of the registered half that never adopted it: then nobody has", () => {
    assert.deepEqual(judgeLineage(HELD, half({ intact: [1, 2], adopted: 6 })), { granted: true, base: 6, above: 0 });
  });

  it("but not one that an earlier half has gone on without", () => {
    const refused = judgeLineage(HELD, half({ intact: [1, 2], adopted: 5 }));
    assert.equal(refused.granted, false);
  });

  it("counts only members whose store is intact", () => {
    assert.equal(judgeLineage(HELD, half({ intact: [], adopted: 0 })).granted, false);
  });

  it("gives way to the operator, with a number above all that others may have", () => {
    assert.deepEqual(judgeLineage(HELD, half({ override: true })), { granted: true, base: 6, above: 7 });
  });

  it("is nobody's when it is not the one that the cluster has agreed on, even for the operator", () => {
    const other = judgeLineage({ ...HELD, register: "r0" }, half({ adopted: 9, override: true }));
    assert.equal("code" in other ? other.code : "", "unknown-register");
  });

  it("reads back what was written, and nothing else", () => {
    assert.deepEqual(parseLineage(formatLineage(HELD)), HELD);
    const written: unknown = JSON.parse(formatLineage(HELD));
    assert.ok(typeof written === "object" && written !== null);
    const wrong: readonly object[] = [
      { number: -1 },
      { number: 1.5 },
      { members: [1, "2"] },
      { members: Array.from({ length: 1000 }, () => 1) },
      { register: "" },
      { claim: undefined },
      { format: "something" },
    ];
    for (const change of wrong) {
      assert.equal(
        parseLineage(JSON.stringify({ ...written, ...change })),
        undefined,
        JSON.stringify(change).slice(0, 80),
      );
    }
    for (const text of ["", "null", "[]", "{", "7", '"x"', "x".repeat(100_000)])
      assert.equal(parseLineage(text), undefined);
  });
});
