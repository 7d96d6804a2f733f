import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { columns, displayWidth, line, printable, span, wrap } from "../../../../runtime/cli/render/text.ts";

const options = { width: 20, colour: false, unicode: true };

test("widths: combining marks take none, wide characters two", () => {
  assert.equal(displayWidth("web"), 3);
  assert.equal(displayWidth("cafe\u0301"), 4);
  assert.equal(displayWidth("データ"), 6);
  assert.equal(displayWidth("🔥"), 2);
});

test("control characters and overrides of direction do not reach a terminal", () => {
  assert.equal(printable("a\u001b[31mb\r\nc\u202ed\u0007"), "a [31mb c d ");
});

describe("lines", () => {
  test("are cut with an ellipsis, at the right column, whatever is in them", () => {
    assert.equal(line([span("12345678901234567890")], options), "12345678901234567890");
    assert.equal(line([span("123456789012345678901")], options), "1234567890123456789…");
    assert.equal(line([span("1234567890"), span("123456789012")], options), "1234567890123456789…");
    assert.equal(line([span("123456789012345678901")], { ...options, unicode: false }), "12345678901234567...");
    assert.ok(displayWidth(line([span("データデータデータデータ")], options)) <= 20);
  });

  test("have colour only when asked for", () => {
    assert.equal(line([span("a", "bad"), span("b")], { ...options, colour: true }), "\u001b[31ma\u001b[0mb");
  });

  test("wrap at words, indented", () => {
    assert.deepEqual(wrap("the quick brown fox jumps over", "  ", { ...options, width: 22 }), [
      "  the quick brown fox",
      "  jumps over",
    ]);
  });
});

test("columns line up under wide characters too", () => {
  const rows = columns(
    [
      [span("データ"), span("x")],
      [span("web"), span("y")],
    ],
    " ",
    options,
  );
  assert.deepEqual(rows, ["データ x", "web    y"]);
});
