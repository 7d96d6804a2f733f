// What kernels say to one another, and what a client may ask of a kernel, as schemas. Every size has a bound.
// Meaning is documented with the types: runtime/kernel/messages.ts and runtime/kernel/membership/view.ts.

import type { Static } from "typebox";
import * as Type from "typebox";
import type { Element } from "../../kernel/cib/element.ts";
import type { View } from "../../kernel/membership/view.ts";
import type {
  ChangeOutcome,
  ChangeRequest,
  CibVersion,
  KernelMessage,
  LogEntry,
  LogPosition,
  LogSnapshot,
  PastChange,
  Standing,
} from "../../kernel/messages.ts";
import { isElement } from "./element.ts";
import type { Proven, Same } from "./proof.ts";

/** Bounds of everything that comes from outside. */
export const BOUNDS = {
  nodes: 255,
  departures: 1024,
  idCharacters: 256,
  textCharacters: 16_384,
  valueCharacters: 1_048_576,
  pathSteps: 64,
  changesOfPatchset: 1_000_000,
  editsOfRequest: 10_000,
  attributesOfElement: 4096,
  entriesOfCatchUp: 100_000,
  recentRequests: 100_000,
  pastChanges: 10_000,
  elementDepth: 64,
} as const;

const closed = { additionalProperties: false } as const;
const largest = Number.MAX_SAFE_INTEGER;

export const count = Type.Integer({ minimum: 0, maximum: largest });
export const nodeId = Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 });
export const incarnation = count;
export const id = Type.String({ minLength: 1, maxLength: BOUNDS.idCharacters });
export const text = Type.String({ maxLength: BOUNDS.textCharacters });
const value = Type.String({ maxLength: BOUNDS.valueCharacters });

/** The one recursive thing: checked by hand, with a bound on depth. */
export const elementSchema = Type.Refine(Type.Unsafe<Element>({ type: "object" }), isElement);

const life = Type.Object({ id: nodeId, incarnation }, closed);
const lives = Type.Array(life, { maxItems: BOUNDS.departures });
const chain = { primaryNumber: count, seniority: count };

export const viewId = Type.Object({ number: count, proposer: nodeId }, closed);

export const departureSchema = Type.Object(
  {
    id: nodeId,
    incarnation,
    cause: Type.Union([
      Type.Literal("left"),
      Type.Literal("silent"),
      Type.Literal("restarted"),
      Type.Literal("unreachable"),
    ]),
  },
  closed,
);

export const viewSchema = Type.Object(
  {
    id: viewId,
    members: Type.Array(Type.Object({ ...chain, id: nodeId, incarnation, featureLevel: count }, closed), {
      minItems: 1,
      maxItems: BOUNDS.nodes,
    }),
    departures: Type.Array(departureSchema, { maxItems: BOUNDS.departures }),
  },
  closed,
);

export const versionSchema = Type.Object({ adminEpoch: count, epoch: count, numUpdates: count }, closed);

const pathSchema = Type.Array(Type.Object({ name: id, id: Type.Optional(value) }, closed), {
  maxItems: BOUNDS.pathSteps,
});
const attributeNames = { maxProperties: BOUNDS.attributesOfElement } as const;

const changeSchema = Type.Union([
  Type.Object({ operation: Type.Literal("create"), path: pathSchema, position: count, element: elementSchema }, closed),
  Type.Object(
    {
      operation: Type.Literal("modify"),
      path: pathSchema,
      set: Type.Record(Type.String(), value, attributeNames),
      unset: Type.Array(id, { maxItems: BOUNDS.attributesOfElement }),
    },
    closed,
  ),
  Type.Object({ operation: Type.Literal("move"), path: pathSchema, position: count }, closed),
  Type.Object({ operation: Type.Literal("delete"), path: pathSchema, position: count }, closed),
]);

export const patchsetSchema = Type.Object(
  {
    source: versionSchema,
    target: versionSchema,
    changes: Type.Array(changeSchema, { maxItems: BOUNDS.changesOfPatchset }),
  },
  closed,
);

export const editSchema = Type.Union([
  Type.Object({ edit: Type.Literal("put"), parent: pathSchema, element: elementSchema }, closed),
  Type.Object(
    {
      edit: Type.Literal("set"),
      path: pathSchema,
      attributes: Type.Record(Type.String(), Type.Union([value, Type.Null()]), attributeNames),
    },
    closed,
  ),
  Type.Object({ edit: Type.Literal("delete"), path: pathSchema }, closed),
  Type.Object({ edit: Type.Literal("replace-configuration"), element: elementSchema }, closed),
]);

export const changeRequestSchema = Type.Object(
  {
    id,
    edits: Type.Array(editSchema, { maxItems: BOUNDS.editsOfRequest }),
    base: Type.Optional(versionSchema),
    who: text,
    why: text,
  },
  closed,
);

export const changeOutcomeSchema = Type.Union([
  Type.Object({ outcome: Type.Literal("done"), version: versionSchema }, closed),
  Type.Object({ outcome: Type.Literal("refused"), code: id, reason: text }, closed),
  Type.Object({ outcome: Type.Literal("unknown"), reason: text }, closed),
]);

export const logPositionSchema = Type.Object(
  {
    primaryNumber: count,
    index: count,
    adoptedPrimary: count,
    wholePrimary: Type.Optional(count),
    promisedPrimary: count,
    promisedMembers: lives,
    intact: Type.Boolean(),
    empty: Type.Boolean(),
  },
  closed,
);

export const logEntrySchema = Type.Object(
  {
    primaryNumber: count,
    index: count,
    requestId: id,
    who: text,
    why: text,
    epochMs: count,
    patchset: patchsetSchema,
    durable: Type.Boolean(),
  },
  closed,
);

const missingSchema = Type.Object(
  {
    id: nodeId,
    incarnation,
    account: Type.Union([
      Type.Literal("left"),
      Type.Literal("fenced"),
      Type.Literal("outvoted"),
      Type.Literal("loss-accepted"),
      Type.Literal("unaccounted"),
    ]),
  },
  closed,
);

export const standingSchema = Type.Object(
  {
    view: viewSchema,
    coordinator: nodeId,
    quorate: Type.Boolean(),
    primary: Type.Boolean(),
    established: Type.Boolean(),
    primaryNumber: count,
    votes: count,
    expectedVotes: count,
    reason: text,
    missing: Type.Array(missingSchema, { maxItems: BOUNDS.departures }),
  },
  closed,
);

export const pastChangeSchema = Type.Object(
  {
    number: count,
    version: versionSchema,
    who: text,
    why: text,
    epochMs: count,
    changes: count,
    characters: count,
    patch: Type.Optional(Type.Object({ forth: patchsetSchema, back: patchsetSchema }, closed)),
  },
  closed,
);

export const logSnapshotSchema = Type.Object(
  {
    cib: elementSchema,
    position: logPositionSchema,
    recentRequests: Type.Array(Type.Object({ id, version: versionSchema }, closed), {
      maxItems: BOUNDS.recentRequests,
    }),
    history: Type.Array(pastChangeSchema, { maxItems: BOUNDS.pastChanges }),
  },
  closed,
);

const digest = Type.String({ maxLength: BOUNDS.idCharacters });

const differenceSchema = Type.Union([
  Type.Object(
    {
      difference: Type.Literal("entries"),
      entries: Type.Array(logEntrySchema, { maxItems: BOUNDS.entriesOfCatchUp }),
    },
    closed,
  ),
  Type.Object(
    {
      difference: Type.Literal("whole"),
      snapshot: logSnapshotSchema,
    },
    closed,
  ),
]);

const pastView = Type.Object({ number: count, proposer: nodeId, proposerIncarnation: incarnation }, closed);

const ofPrimary = { view: viewId, primaryNumber: count } as const;

export const kernelMessageSchemas = [
  Type.Object(
    {
      type: Type.Literal("state"),
      view: viewId,
      position: logPositionSchema,
      version: versionSchema,
      lastView: Type.Optional(pastView),
      sequence: count,
      statusDigest: digest,
      fenced: lives,
      startOverride: Type.Boolean(),
      nodeState: Type.Optional(elementSchema),
    },
    closed,
  ),
  Type.Object(
    { type: Type.Literal("fetch"), view: viewId, after: Type.Optional(logPositionSchema), status: Type.Boolean() },
    closed,
  ),
  Type.Object(
    {
      type: Type.Literal("fetched"),
      view: viewId,
      log: Type.Optional(differenceSchema),
      status: Type.Optional(elementSchema),
    },
    closed,
  ),
  Type.Object(
    {
      type: Type.Literal("catch-up"),
      view: viewId,
      primaryNumber: count,
      fenced: lives,
      startOverride: Type.Boolean(),
      arbiter: Type.Optional(Type.Object({ register: id, number: count, text }, closed)),
      log: Type.Optional(differenceSchema),
      status: Type.Optional(elementSchema),
      version: versionSchema,
      digest,
    },
    closed,
  ),
  Type.Object({ type: Type.Literal("synced"), ...ofPrimary }, closed),
  Type.Object({ type: Type.Literal("adopt"), ...ofPrimary }, closed),
  Type.Object({ type: Type.Literal("adopted"), ...ofPrimary }, closed),
  Type.Object({ type: Type.Literal("established"), ...ofPrimary }, closed),
  Type.Object(
    {
      type: Type.Literal("append"),
      view: viewId,
      sequence: count,
      entry: logEntrySchema,
      committed: count,
      digest: Type.Optional(digest),
    },
    closed,
  ),
  Type.Object({ type: Type.Literal("stored"), view: viewId, sequence: count }, closed),
  Type.Object({ type: Type.Literal("commit"), view: viewId, sequence: count }, closed),
  Type.Object({ type: Type.Literal("change"), view: viewId, request: changeRequestSchema }, closed),
  Type.Object(
    { type: Type.Literal("change-answer"), view: viewId, requestId: id, outcome: changeOutcomeSchema },
    closed,
  ),
  Type.Object({ type: Type.Literal("fenced"), view: viewId, node: nodeId, incarnation }, closed),
  Type.Object({ type: Type.Literal("start-override"), view: viewId }, closed),
] as const;

/** The compiler's word that the schemas above say what the types say. */
export type KernelProofs = [
  Proven<Same<Static<typeof viewSchema>, View>>,
  Proven<Same<Static<typeof versionSchema>, CibVersion>>,
  Proven<Same<Static<typeof changeRequestSchema>, ChangeRequest>>,
  Proven<Same<Static<typeof changeOutcomeSchema>, ChangeOutcome>>,
  Proven<Same<Static<typeof logPositionSchema>, LogPosition>>,
  Proven<Same<Static<typeof logEntrySchema>, LogEntry>>,
  Proven<Same<Static<typeof pastChangeSchema>, PastChange>>,
  Proven<Same<Static<typeof logSnapshotSchema>, LogSnapshot>>,
  Proven<Same<Static<typeof standingSchema>, Standing>>,
  Proven<Same<Static<(typeof kernelMessageSchemas)[number]>, KernelMessage>>,
];
