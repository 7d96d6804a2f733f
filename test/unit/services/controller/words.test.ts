import assert from "node:assert/strict";
import { test } from "node:test";
import { placeWords } from "../../../../runtime/services/controller/words.ts";

test("places in the CIB are called what people call them", () => {
  const name = (id: string): string => `n${id}`;
  const words = (path: string): string => placeWords(path, name);
  assert.equal(words("/cib/configuration/resources/primitive[web]"), "the configuration (resources)");
  assert.equal(words("/cib/configuration"), "the configuration");
  assert.equal(words("/cib/status/node_state[2]/transient_attributes[2]/instance_attributes[x]"), "an attribute of n2");
  assert.equal(words("/cib/status/node_state[3]/lrm[3]/lrm_resources"), "what n3 has done");
  assert.equal(words("/cib/status/node_state[1]"), "the state of n1");
  assert.equal(words("/cib/status"), "the CIB");
});
