// Which plugins a release runs: those of its own API version and of the one before.

import assert from "node:assert/strict";
import { test } from "node:test";
import { apiProblem, isRunnableApi, runnableApis } from "../../../../../runtime/host/plugins/trust/api-version.ts";

test("its own version and the one before run", () => {
  assert.deepEqual(runnableApis(3), [3, 2]);
  assert.deepEqual(runnableApis(1), [1]);
  assert.deepEqual(
    [1, 2, 3, 4, "3", undefined, 2.5].map((api) => isRunnableApi(api, 3)),
    [false, true, true, false, false, false, false],
  );
});

test("a refusal says which versions, and which of the two is too old", () => {
  assert.equal(
    apiProblem("Plugin x", 1, 3),
    "Plugin x speaks plugin API 1, which is too old; this Systole speaks 3 and 2.",
  );
  assert.equal(
    apiProblem("Plugin x", 4, 3),
    "Plugin x speaks plugin API 4, which is newer than this release; this Systole speaks 3 and 2.",
  );
  assert.equal(
    apiProblem("Plugin x", "3\n", 3),
    'Plugin x says "3\\n" for its plugin API, which is no version; this Systole speaks 3 and 2.',
  );
  assert.equal(
    apiProblem("Plugin x", undefined, 1),
    "Plugin x says nothing for its plugin API, which is no version; this Systole speaks 1.",
  );
  assert.match(apiProblem("Plugin x", 0, 1), /no version/);
});
