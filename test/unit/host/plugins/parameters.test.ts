// From the CIB's strings to a plugin's values.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Duration, Secret, Type, Words } from "systole/sdk";
import {
  describeParameters,
  readDuration,
  readParameters,
  readWords,
  redact,
} from "../../../../runtime/host/plugins/parameters.ts";

const schema = Type.Object({
  port: Type.Integer({ description: "Port", default: 80, minimum: 1, maximum: 65_535 }),
  ratio: Type.Optional(Type.Number()),
  verbose: Type.Boolean({ default: false }),
  mode: Type.Enum(["fast", "safe"], { default: "safe" }),
  level: Type.Union([Type.Literal("low"), Type.Literal("high")], { default: "low" }),
  name: Type.String({ minLength: 1 }),
  password: Secret("Password"),
  wait: Duration("Pause", { defaultMs: 1_500 }),
  words: Words("Words", { default: [] }),
});
const given = { name: "n", password: "hush" };

test("strings are read by their schema, defaults filled in, secrets named", () => {
  const { values, secrets } = readParameters(
    schema,
    {
      ...given,
      port: " 8080 ",
      ratio: "-1.5e2",
      verbose: "Yes",
      mode: "fast",
      level: "high",
      wait: "2min",
      words: "a 'b c'",
    },
    "web",
  );
  assert.deepEqual(values, {
    ...given,
    port: 8080,
    ratio: -150,
    verbose: true,
    mode: "fast",
    level: "high",
    wait: 120_000,
    words: ["a", "b c"],
  });
  assert.deepEqual(secrets, ["hush"]);
  assert.deepEqual(readParameters(schema, given, "web").values, {
    ...given,
    port: 80,
    verbose: false,
    mode: "safe",
    level: "low",
    wait: 1_500,
    words: [],
  });
});

test("everything that is wrong is named at once, without the values, with the remedy", () => {
  const wrong = {
    password: "hush",
    port: "eighty",
    mode: "slow",
    level: "middle",
    wait: "soon",
    words: "'open",
    verbose: "perhaps",
  };
  assert.throws(() => readParameters(schema, wrong, "web (ocf:systole:x)"), {
    code: "plugin-parameters",
    message:
      "web (ocf:systole:x): parameter level must be one of low, high; parameter mode must be one of fast, safe; parameter name is missing; parameter port must be integer; parameter verbose must be boolean; parameter wait must be a length of time such as 500ms, 20s or 5min (must be integer); parameter words must be words separated by blanks, with every quote closed. Correct the instance attributes in the CIB; `systole plugin describe NAME` shows what is expected.",
  });
  assert.throws(
    () => readParameters(schema, {}, "web"),
    /web: parameter name is missing; parameter password is missing\. /,
  );
  assert.throws(() => readParameters(schema, { ...given, port: "0" }, "web"), /parameter port must be >= 1/);
  assert.throws(
    () => readParameters(schema, { ...given, prot: "1" }, "web"),
    /web has no parameter prot. It has level, mode, name, /,
  );
});

test("numbers are numbers, and nothing else is", () => {
  for (const port of ["", "0x10", "1e400", "NaN", "Infinity", "8 0", "--1", "true"]) {
    assert.throws(() => readParameters(schema, { ...given, port }, "web"), { code: "plugin-parameters" }, port);
  }
});

test("durations", () => {
  const written = {
    "20": 20_000,
    "500ms": 500,
    "2s": 2_000,
    "1min": 60_000,
    "3m": 180_000,
    "1h": 3_600_000,
    " 7 S ": 7_000,
    "2500us": 2,
  };
  for (const [text, ms] of Object.entries(written)) assert.equal(readDuration(text), ms, text);
  for (const text of ["", "-1s", "1.5s", "s", "1d", "1 s s", "99999999999s"])
    assert.equal(readDuration(text), undefined, text);
});

test("words", () => {
  const written: Readonly<Record<string, readonly string[] | undefined>> = {
    "": [],
    "  a   b ": ["a", "b"],
    "'a b' \"c d\"": ["a b", "c d"],
    'a"b c"d': ["ab cd"],
    "''": [""],
    "a\\ b": ["a b"],
    '"a\\"b"': ['a"b'],
    "'a\\b'": ["a\\b"],
    "$HOME *;": ["$HOME", "*;"],
    "'open": undefined,
    "end\\": undefined,
  };
  for (const [text, words] of Object.entries(written)) assert.deepEqual(readWords(text), words, text);
});

test("a schema in words", () => {
  const described = describeParameters(schema);
  assert.deepEqual(described[0], {
    name: "port",
    description: "Port",
    type: "integer",
    required: false,
    default: "80",
  });
  assert.deepEqual(
    described.map(({ name, type, required, default: preset }) => `${name} ${type} ${required} ${preset}`),
    [
      "port integer false 80",
      "ratio number false undefined",
      "verbose boolean false false",
      "mode fast|safe false safe",
      "level low|high false low",
      "name string true undefined",
      "password secret true undefined",
      "wait duration false 1500ms",
      "words words false ",
    ],
  );
});

test("secrets are blotted out wherever they stand", () => {
  assert.equal(redact("login hush failed: hush", ["hush"]), "login ****** failed: ******");
});
