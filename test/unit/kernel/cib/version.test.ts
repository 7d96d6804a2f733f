import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compareVersions,
  composeCib,
  durableDocument,
  formatLastWritten,
  formatPath,
  foundingCib,
  statusOf,
  versionOf,
} from "../../../../runtime/kernel/cib/version.ts";

test("cib-last-written is the date of the calendar, in UTC", () => {
  for (const epochMs of [
    0, 951_782_400_000, 1_700_000_000_000, 1_709_164_800_000, 4_102_444_799_000, 253_402_300_799_000,
  ]) {
    const [day, rest, year] = /^(\w+), (.*) GMT$/.exec(new Date(epochMs).toUTCString())?.slice(1) ?? [];
    const [date, month, fullYear, clock] = rest?.split(" ") ?? [];
    assert.equal(year, undefined);
    assert.equal(formatLastWritten(epochMs), `${day} ${month} ${date} ${clock} ${fullYear}`);
  }
});

test("versions are compared from left to right", () => {
  const version = (adminEpoch: number, epoch: number, numUpdates: number) => ({ adminEpoch, epoch, numUpdates });
  assert.ok(compareVersions(version(1, 0, 0), version(0, 9, 9)) > 0);
  assert.ok(compareVersions(version(0, 1, 9), version(0, 2, 0)) < 0);
  assert.ok(compareVersions(version(0, 1, 1), version(0, 1, 2)) < 0);
});

test("the durable document and what is shown are two views of one", () => {
  const cib = foundingCib();
  const shown = composeCib(durableDocument(cib), statusOf(cib), 5, { quorate: true, coordinator: 3 });
  assert.deepEqual(versionOf(shown), { adminEpoch: 0, epoch: 0, numUpdates: 5 });
  assert.equal(shown.attributes["dc-uuid"], "3");
  assert.deepEqual(durableDocument(shown), durableDocument(cib));
});

test("paths read as Pacemaker writes them", () => {
  assert.equal(formatPath([{ name: "status" }, { name: "node_state", id: "1" }]), "/cib/status/node_state[@id='1']");
});
