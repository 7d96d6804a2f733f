import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DEFAULT_TIMESTAMP_FORMAT,
  formatTimestamp,
  MAX_TIMESTAMP_CHARACTERS,
} from "../../../../runtime/services/alerts/timestamp.ts";

/** 2026-01-04 15:07:09.042 UTC, a Sunday. */
const AT = Date.UTC(2026, 0, 4, 15, 7, 9, 42);

// What date(1) prints for the same format in the C locale.
const ROWS: readonly (readonly [string, string])[] = [
  [DEFAULT_TIMESTAMP_FORMAT, "15:07:09.042000"],
  ["%Y-%m-%d,%H:%M:%S.%01N", "2026-01-04,15:07:09.0"],
  ["%3N %03N %6N %N", "042 042 042000 042000"],
  ["%c", "Sun Jan  4 15:07:09 2026"],
  ["%D %R %F %T", "01/04/26 15:07 2026-01-04 15:07:09"],
  ["%I:%M %p %P %l", "03:07 PM pm  3"],
  ["%A %a %B %b %h %e", "Sunday Sun January Jan Jan  4"],
  ["%j %u %w %V %G %C %y", "004 7 0 01 2026 20 26"],
  ["%s %z %Z", `${Math.floor(AT / 1000)} +0000 UTC`],
  ["100%% %q %", "100% %q %"],
  ["", ""],
];

for (const [format, expected] of ROWS) {
  test(`${format} becomes ${expected}`, () => assert.equal(formatTimestamp(format, AT, 0), expected));
}

test("it is the time of the node's zone", () => {
  assert.equal(formatTimestamp("%F %T %z", AT, 330), "2026-01-04 20:37:09 +0530");
  assert.equal(formatTimestamp("%F %T %z", AT, -960), "2026-01-03 23:07:09 -1600");
});

test("a percent sign that was written twice begins nothing", () =>
  assert.equal(formatTimestamp("%%F %%%Y", AT, 0), "%F %2026"));

test("what would be longer than anybody reads is nothing", () => {
  assert.equal(formatTimestamp("%c".repeat(50), AT, 0), "");
  assert.ok(formatTimestamp("x".repeat(10_000), AT, 0).length <= MAX_TIMESTAMP_CHARACTERS);
});
