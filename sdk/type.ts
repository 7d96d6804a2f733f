// The builders of TypeBox that parameters need, one by one: re-exported whole, TypeBox would put 190 kB into every plugin.

import * as TypeBox from "typebox";

/** Schemas of parameters: `Type.Object({ port: Type.Integer({ default: 80 }) })`. See also Secret, Duration and Words. */
export const Type = {
  Array: TypeBox.Array,
  Boolean: TypeBox.Boolean,
  Enum: TypeBox.Enum,
  Integer: TypeBox.Integer,
  Literal: TypeBox.Literal,
  Number: TypeBox.Number,
  Object: TypeBox.Object,
  Optional: TypeBox.Optional,
  String: TypeBox.String,
  Union: TypeBox.Union,
};
