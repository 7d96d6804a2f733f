// The form of `systole explain --json`, as a schema: what a program may rely on. Meaning is documented with the types in
// runtime/services/scheduler/explain; codes stand in codes.ts.

import Type, { type Static } from "typebox";
import { editSchema, patchsetSchema } from "../../host/schema/kernel.ts";
import type { Proven, Same } from "../../host/schema/proof.ts";
import type { Reason } from "../../services/scheduler/explain/reason.ts";
import type { ExplainData } from "./explain.ts";

const closed = { additionalProperties: false } as const;
const strings = Type.Array(Type.String());

const reasonFields = {
  code: Type.String({ description: "One of the codes of codes.ts." }),
  text: Type.String({ description: 'A clause for people, behind "because".' }),
  constraint: Type.Optional(Type.String({ description: "Id of the constraint that says so." })),
  element: Type.Optional(Type.String({ description: "Id of another element of the CIB that says so." })),
  option: Type.Optional(Type.String({ description: "Option that says so, by its value or by its default." })),
  resource: Type.Optional(Type.String({ description: "Another resource that it comes from." })),
  node: Type.Optional(Type.String()),
  score: Type.Optional(Type.Integer({ description: "1000000 and -1000000 mean INFINITY and -INFINITY." })),
  ticket: Type.Optional(Type.String()),
  count: Type.Optional(Type.Integer({ description: "Failures counted." })),
  threshold: Type.Optional(Type.Integer({ description: "How many failures are allowed." })),
  expiresInSeconds: Type.Optional(Type.Integer({ description: "When the reason ends by itself, or begins." })),
  action: Type.Optional(Type.String({ description: "Key of the action that it comes from." })),
};
const reasonSchema = Type.Unsafe<Reason>(
  Type.Cyclic(
    { Reason: Type.Object({ ...reasonFields, because: Type.Optional(Type.Array(Type.Ref("Reason"))) }, closed) },
    "Reason",
  ),
);
const flatReasonSchema = Type.Object(reasonFields);

const waitSchema = Type.Object(
  {
    operation: Type.String(),
    operationKey: Type.String(),
    resource: Type.Optional(Type.String()),
    node: Type.Optional(Type.String()),
    code: Type.String({ description: "One of the codes of waiting in codes.ts." }),
    constraint: Type.Optional(Type.String()),
  },
  closed,
);

const actionSchema = Type.Object(
  {
    operation: Type.String(),
    operationKey: Type.String(),
    node: Type.Optional(Type.String()),
    state: Type.Union([Type.Literal("planned"), Type.Literal("blocked"), Type.Literal("implied")]),
    because: Type.Array(reasonSchema),
    waitsFor: Type.Array(waitSchema),
  },
  closed,
);

const changeSchema = Type.Object(
  {
    edits: Type.Array(editSchema),
    parts: Type.Array(Type.Object({ text: Type.String(), command: Type.Optional(Type.String()) }, closed)),
    patchset: Type.Optional(patchsetSchema),
  },
  closed,
);

const goalSchema = Type.Object(
  {
    goal: Type.Union([Type.Literal("runs"), Type.Literal("promoted"), Type.Literal("absent")]),
    change: Type.Optional(changeSchema),
    none: Type.Optional(reasonSchema),
  },
  closed,
);

const nodeSchema = Type.Object(
  {
    node: Type.String(),
    score: Type.Optional(Type.Integer({ description: "Absent when the node was not in question at all." })),
    steps: Type.Array(Type.Object({ change: Type.Integer(), score: Type.Integer(), reason: reasonSchema }, closed)),
    excluded: Type.Optional(reasonSchema),
    changes: Type.Array(goalSchema),
  },
  closed,
);

const resourceSchema = Type.Object(
  {
    resource: Type.String({ description: "Instance id, with :N for instances of clones." }),
    node: Type.Optional(Type.String({ description: "Where it shall be; absent when it is to be stopped." })),
    role: Type.String(),
    activeOn: strings,
    room: Type.Optional(
      Type.Object(
        { of: Type.String(), most: Type.Integer() },
        { ...closed, description: "Of a clone or bundle: what there may be only so many of on a node." },
      ),
    ),
    because: Type.Array(reasonSchema),
    nodes: Type.Array(nodeSchema),
    actions: Type.Array(actionSchema),
  },
  closed,
);

const nodeViewSchema = Type.Object(
  {
    node: Type.String(),
    runs: strings,
    comes: strings,
    leaves: strings,
    could: Type.Array(Type.Object({ resource: Type.String(), score: Type.Integer() }, closed)),
    cannot: strings,
  },
  closed,
);

/** What `systole explain --json` prints. */
export const ExplainSchema = Type.Object(
  {
    node: Type.Optional(nodeViewSchema),
    nodeActions: Type.Array(actionSchema),
    resources: Type.Array(resourceSchema),
  },
  closed,
);

/** The compiler's word that the schema says what is printed. */
export type ExplainProofs = [
  Proven<Same<Static<typeof flatReasonSchema>, Omit<Reason, "because">>>,
  Proven<Same<Static<typeof ExplainSchema>, ExplainData>>,
];
