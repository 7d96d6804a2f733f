// Parameters for a kit: the author gives what is interesting, the schema gives the rest.

import assert from "node:assert/strict";
import type { TObject } from "typebox";
import { Value } from "typebox/value";

/** Fills in the defaults and fails the test when the result does not fit the schema. */
export function filledParameters(
  schema: TObject,
  given: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const values: unknown = Value.Default(schema, { ...given });
  assert.ok(
    Value.Check(schema, values),
    `The parameters given to the kit do not fit: ${Value.Errors(schema, values)
      .map((error) => `${error.instancePath} ${error.message}`)
      .join("; ")}`,
  );
  return { ...values };
}
