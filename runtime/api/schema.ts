// The control API as data: every request with what it takes and what it answers. Server and clients share this file.
//
// Form: JSON lines on a unix socket that only its owner may open (0600). The server speaks first (`hello`); then each line
// of a client is a request and is answered by one line with the same id. A client that subscribed also gets pushes.

import type { Static, TSchema } from "typebox";
import * as Type from "typebox";
import { MAX_BUNDLE_BYTES, MAX_SHADOW_MS } from "../host/plugins/package/limits.ts";
import type { PluginOffer, PluginProof, PluginVerification } from "../host/plugins/trust/types.ts";
import type { CallInFlight, PluginDescription, PluginsStanding } from "../host/plugins/types.ts";
import {
  BOUNDS,
  changeOutcomeSchema,
  changeRequestSchema,
  count,
  elementSchema,
  id,
  incarnation,
  logSnapshotSchema,
  nodeId,
  pastChangeSchema,
  standingSchema,
  text,
  versionSchema,
} from "../host/schema/kernel.ts";
import type { Proven, Same } from "../host/schema/proof.ts";
import { eventSchema, fenceRecordSchema, requestOutcomeSchema, serviceRequestSchema } from "../host/schema/services.ts";

/** Rises when a client of the version before would misunderstand an answer. */
export const API_VERSION = 1;

/** Bounds of the control API. */
export const API_LIMITS = {
  /** Longest request line, in bytes: room for a whole CIB. */
  requestBytes: 32 * 1024 * 1024,
  /** Longest line a client accepts. */
  replyBytes: 128 * 1024 * 1024,
  clients: 32,
  /** Requests of one client that wait for an answer. */
  requestsInFlight: 64,
  /** Unsent pushes of one client, in bytes; beyond it pushes are dropped and counted. */
  pushBacklogBytes: 1024 * 1024,
  /** Unsent bytes of one client at which it is cut off. */
  replyBacklogBytes: 256 * 1024 * 1024,
  /** Events kept for those who come later. */
  recentEvents: 500,
  /** "changed" is pushed no more often than this. */
  changedIntervalMs: 50,
} as const;

const closed = { additionalProperties: false } as const;
const milliseconds = Type.Number({ minimum: 0 });

/** What the pulse saw of one peer since this node started. */
const peerSchema = Type.Object(
  {
    id: nodeId,
    name: Type.String(),
    /** Silence of the peer on each link, absent when nothing valid came yet. */
    links: Type.Array(Type.Object({ address: Type.String(), silenceMs: Type.Optional(milliseconds) }, closed)),
    sent: count,
    received: count,
    /** Datagrams that were dropped, by reason: wrong-key, foreign-cluster, too-new, replayed, malformed, … */
    dropped: Type.Record(Type.String(), count),
    /** The last drop in words; what to do about it. */
    lastDrop: Type.Optional(Type.String()),
  },
  closed,
);

/** A call of a plugin that has been made and not yet answered. */
const inFlightSchema = Type.Object(
  {
    kind: Type.Union([Type.Literal("agent"), Type.Literal("device"), Type.Literal("alert"), Type.Literal("arbiter")]),
    id: count,
    /** Id of the resource, device, or recipient of alerts. */
    subject: Type.String(),
    /** Plugin: class:provider:type or the device's type. */
    plugin: Type.String(),
    verb: Type.String(),
    ageMs: milliseconds,
    timeoutMs: milliseconds,
    /** Past its deadline and not answered: the plugin hangs. */
    overdue: Type.Boolean(),
  },
  closed,
);

const texts = Type.Array(Type.String());

/** A plugin that was found, usable or not; meaning as in runtime/host/plugins/types.ts. */
const pluginSchema = Type.Object(
  {
    kind: Type.Union([
      Type.Literal("resource-agent"),
      Type.Literal("fence-device"),
      Type.Literal("alert"),
      Type.Literal("arbiter"),
      Type.Literal("transport"),
      Type.Literal("unknown"),
    ]),
    name: Type.String(),
    reference: Type.String(),
    summary: Type.String(),
    file: Type.String(),
    origin: Type.Union([Type.Literal("bundled"), Type.Literal("configured"), Type.Literal("agreed")]),
    trust: Type.Union([Type.Literal("in-process, trusted"), Type.Literal("sandboxed"), Type.Literal("not sandboxed")]),
    api: Type.Optional(Type.Number()),
    verbs: texts,
    parameters: Type.Array(
      Type.Object(
        {
          name: Type.String(),
          description: Type.String(),
          type: Type.String(),
          required: Type.Boolean(),
          default: Type.Optional(Type.String()),
        },
        closed,
      ),
    ),
    permissions: Type.Record(Type.String(), texts),
    timeouts: Type.Record(Type.String(), Type.String()),
    problem: Type.Optional(Type.Object({ code: Type.String(), text: Type.String() }, closed)),
  },
  closed,
);
const plugins = Type.Object({ plugins: Type.Array(pluginSchema) }, closed);

/** Room for the largest bundle in base64. */
const bundleBytes = Type.String({ maxLength: Math.ceil(MAX_BUNDLE_BYTES / 3) * 4, pattern: "^[A-Za-z0-9+/]*={0,2}$" });
const sha512 = Type.String({ pattern: "^sha512-[A-Za-z0-9+/]{86}==$" });
const signature = Type.String({ pattern: "^[A-Za-z0-9+/]{86}==$" });

const offerSchema = Type.Object(
  {
    sha512: Type.String(),
    plugin: pluginSchema,
    signature: Type.Object(
      {
        signers: texts,
        text: Type.String(),
        problem: Type.Optional(Type.String()),
        policy: Type.Union([Type.Literal("require"), Type.Literal("warn"), Type.Literal("off")]),
      },
      closed,
    ),
  },
  closed,
);

const verificationSchema = Type.Object(
  {
    kind: Type.String(),
    name: Type.String(),
    sha512: Type.String(),
    good: Type.Boolean(),
    findings: Type.Array(
      Type.Object(
        {
          what: Type.Union([
            Type.Literal("bytes"),
            Type.Literal("manifest"),
            Type.Literal("approval"),
            Type.Literal("signature"),
            Type.Literal("process"),
          ]),
          good: Type.Boolean(),
          text: Type.String(),
        },
        closed,
      ),
    ),
  },
  closed,
);

const proofSchema = Type.Object(
  {
    good: Type.Boolean(),
    text: Type.String(),
    comparisons: Type.Array(
      Type.Object(
        {
          subject: Type.String(),
          verb: Type.String(),
          present: Type.String(),
          candidate: Type.String(),
          agree: Type.Boolean(),
          reason: Type.Optional(Type.String()),
        },
        closed,
      ),
    ),
  },
  closed,
);

/** What another node said of a new version; `absent`: it is no member now, and compares by itself when it comes. */
const nodeProofSchema = Type.Object(
  {
    node: Type.String(),
    state: Type.Union([
      Type.Literal("proven"),
      Type.Literal("refused"),
      Type.Literal("silent"),
      Type.Literal("absent"),
    ]),
    text: Type.String(),
  },
  closed,
);

/** How plugins are held on a node; meaning as in runtime/host/plugins/types.ts. */
const pluginsStandingSchema = Type.Object(
  {
    confinement: Type.Union([Type.Literal("sandboxed"), Type.Literal("not sandboxed"), Type.Literal("refused")]),
    held: Type.String(),
    used: Type.Array(
      Type.Object(
        {
          plugin: Type.String(),
          state: Type.Union([Type.Literal("running"), Type.Literal("starting"), Type.Literal("refused")]),
          problem: Type.Optional(Type.String()),
        },
        closed,
      ),
    ),
  },
  closed,
);

/** The arbiter as a node sees it (services/arbiter). */
const arbiterStatusSchema = Type.Object(
  {
    votes: Type.Boolean(),
    reachable: Type.Optional(Type.Boolean()),
    given: Type.Optional(Type.Object({ members: Type.Array(count), primaryNumber: count }, closed)),
    text: Type.String(),
  },
  closed,
);

/** What one node knows: the facts behind `systole status`. `runtime/model/status` makes sentences and tables of it. */
export const statusSchema = Type.Object(
  {
    cluster: Type.String(),
    node: Type.Object(
      {
        id: nodeId,
        name: Type.String(),
        incarnation,
        pid: count,
        startedEpochMs: count,
        version: Type.String(),
        featureLevel: count,
      },
      closed,
    ),
    epochMs: count,
    /** Configured nodes, sorted by id. */
    nodes: Type.Array(Type.Object({ id: nodeId, name: Type.String(), votes: count }, closed)),
    /** Absent until the first view. */
    standing: Type.Optional(standingSchema),
    cib: elementSchema,
    transport: Type.Object(
      {
        name: Type.String(),
        /** Where this node listens, one address a link. */
        links: Type.Array(Type.String()),
        peers: Type.Array(peerSchema),
      },
      closed,
    ),
    /** Calls of plugins on this node. */
    inFlight: Type.Array(inFlightSchema),
    plugins: pluginsStandingSchema,
    /** What this node does, and what it waits for as the coordinator, in words, and for how long. */
    operations: Type.Array(Type.Object({ what: Type.String(), sinceMs: milliseconds }, closed)),
    /** The plan that is being carried out; on the coordinator only. */
    transition: Type.Optional(
      Type.Object({ number: count, actions: count, confirmed: count, reason: Type.String() }, closed),
    ),
    /** What was fenced in this node's time, oldest first. */
    fencingHistory: Type.Array(fenceRecordSchema),
    /** The operator has accepted that acknowledged changes may be lost. */
    acceptsLoss: Type.Boolean(),
    /** Recipients of alerts that cannot be told from this node, in sentences. */
    alertProblems: Type.Optional(texts),
    /** Absent where there is none. */
    arbiter: Type.Optional(arbiterStatusSchema),
    /** Set while the node holds back all actions: its clock jumped (suspend, SIGSTOP) and the view is not confirmed yet. */
    heldSinceMs: Type.Optional(milliseconds),
    /** How late a regular turn of the main thread was at most, in the last half to whole minute. */
    longestLagMs: milliseconds,
    stateDirectory: Type.String(),
    stopping: Type.Boolean(),
  },
  closed,
);

/** The compiler's word that these schemas say what the types say. */
export type ApiProofs = [
  Proven<Same<Static<typeof pluginSchema>, PluginDescription>>,
  Proven<Same<Static<typeof inFlightSchema>, CallInFlight>>,
  Proven<Same<Static<typeof pluginsStandingSchema>, PluginsStanding>>,
  Proven<Same<Static<typeof offerSchema>, PluginOffer>>,
  Proven<Same<Static<typeof verificationSchema>, PluginVerification>>,
  Proven<Same<Static<typeof proofSchema>, PluginProof>>,
];

const why = Type.Object({ code: Type.String(), text: Type.String() }, closed);

/** A resource instance, where it shall be and why. */
const placementSchema = Type.Object(
  {
    resource: Type.String(),
    node: Type.Optional(Type.String()),
    role: Type.String(),
    activeOn: Type.Array(Type.String()),
    causes: Type.Array(why),
  },
  closed,
);

const empty = Type.Object({}, closed);

/** Every request: what it takes, what it answers. */
export const API = {
  /** The facts of this node. */
  status: { params: empty, result: statusSchema },
  /** The committed CIB, whole or one section of it. */
  "cib-query": {
    params: Type.Object(
      { section: Type.Optional(Type.Union([Type.Literal("configuration"), Type.Literal("status")])) },
      closed,
    ),
    result: Type.Object({ version: versionSchema, element: elementSchema }, closed),
  },
  /** The last changes of the configuration, oldest first, without what they did. */
  "cib-history": {
    params: Type.Object({ limit: Type.Integer({ minimum: 1, maximum: BOUNDS.pastChanges }) }, closed),
    result: Type.Object({ changes: Type.Array(pastChangeSchema) }, closed),
  },
  /** The CIB without its status as it was after the change of that number. Refused with `not-found` beyond the history. */
  "cib-document": {
    params: Type.Object({ number: count }, closed),
    result: Type.Object({ version: versionSchema, element: elementSchema }, closed),
  },
  /** Everything of the cluster that is durable, for a backup. */
  backup: {
    params: empty,
    result: Type.Object({ cluster: Type.String(), primary: Type.Boolean(), snapshot: logSnapshotSchema }, closed),
  },
  /** Changes the CIB. Answered when the cluster has decided; the same request id asked again is never applied twice. */
  "cib-change": {
    params: Type.Object({ change: changeRequestSchema }, closed),
    result: changeOutcomeSchema,
  },
  /** Fence, cleanup or attribute; answered by the coordinator. */
  request: {
    params: Type.Object({ request: serviceRequestSchema }, closed),
    result: requestOutcomeSchema,
  },
  /** Every plugin of this node, usable or not. */
  "plugin-list": { params: empty, result: plugins },
  /** Those of one name: `ocf:systole:NAME`, `systole:NAME` (fence devices) or NAME. Refused with `not-found` when there is none. */
  "plugin-describe": { params: Type.Object({ name: id }, closed), result: plugins },
  /** Bytes of a plugin: looked at, evaluated without grants, and kept on this node. Refused with `plugin-invalid`. */
  "plugin-offer": {
    params: Type.Object({ bytes: bundleBytes, signatures: Type.Array(signature, { maxItems: 16 }) }, closed),
    result: offerSchema,
  },
  /** Looks at the bytes, manifests, approvals and signatures of all plugins that the cluster has agreed on, as this node has them. */
  "plugin-verify": { params: empty, result: Type.Object({ plugins: Type.Array(verificationSchema) }, closed) },
  /**
   * Has every member of the view run bytes that were offered to this node beside the present ones of that plugin, and compare what
   * they see; changes nothing.
   */
  "plugin-prove": {
    params: Type.Object(
      {
        ...{ kind: id, name: id, sha512, signatures: Type.Array(signature, { maxItems: 16 }) },
        shadowMs: Type.Integer({ minimum: 0, maximum: MAX_SHADOW_MS }),
      },
      closed,
    ),
    /** `good`: of all nodes; `text` and `comparisons`: of this one. */
    result: Type.Object({ ...proofSchema.properties, nodes: Type.Array(nodeProofSchema) }, closed),
  },
  /** Where a resource shall be, and because of what. */
  why: {
    params: Type.Object({ resource: id }, closed),
    result: Type.Object({ placements: Type.Array(placementSchema), standing: Type.Optional(standingSchema) }, closed),
  },
  /** From now on this client gets pushes; the answer has the last `recent` events, oldest first. */
  subscribe: {
    params: Type.Object({ recent: Type.Integer({ minimum: 0, maximum: API_LIMITS.recentEvents }) }, closed),
    result: Type.Object({ events: Type.Array(eventSchema) }, closed),
  },
  /** `systole cib recover --accept-loss`: the cluster may start although no majority of stores is intact. */
  "start-override": {
    params: Type.Object({ who: text }, closed),
    result: Type.Object({ accepted: Type.Literal(true) }, closed),
  },
  /** Stops this node: its resources move away, it leaves the view, its process ends. Answered at once; then the connection ends with the process. */
  shutdown: {
    params: Type.Object({ who: text }, closed),
    result: Type.Object({ accepted: Type.Literal(true) }, closed),
  },
} as const satisfies Readonly<Record<string, { readonly params: TSchema; readonly result: TSchema }>>;

export type ApiMethod = keyof typeof API;

/** The same data, promised not to be changed. */
type Immutable<T> = T extends readonly (infer Item)[]
  ? readonly Immutable<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Immutable<T[Key]> }
    : T;
export type ApiParams<Method extends ApiMethod> = Immutable<Static<(typeof API)[Method]["params"]>>;
export type ApiResult<Method extends ApiMethod> = Immutable<Static<(typeof API)[Method]["result"]>>;
export type StatusReport = ApiResult<"status">;

/** One line from a client. `params` is checked against the method's own schema. */
export const requestLineSchema = Type.Object(
  { id: count, method: Type.String({ maxLength: 64 }), params: Type.Optional(Type.Unknown()) },
  closed,
);

/** The first line of the server. Open to additions, so that every client can read which version it is. */
export const helloSchema = Type.Object({
  push: Type.Literal("hello"),
  api: count,
  version: Type.String(),
  cluster: Type.String(),
  node: Type.String(),
  pid: count,
  startedEpochMs: count,
});
export type Hello = Static<typeof helloSchema>;

/** What a subscriber gets besides answers. */
export const pushSchema = Type.Union([
  Type.Object({ push: Type.Literal("event"), event: eventSchema }, closed),
  /** CIB or standing differ from before: ask for `status` when it matters. */
  Type.Object({ push: Type.Literal("changed") }, closed),
  /** So many events were not sent because this client reads too slowly. */
  Type.Object({ push: Type.Literal("dropped"), count }, closed),
]);
export type Push = Static<typeof pushSchema>;

/** Requests have ids from 1; an error with this id is about the connection, which ends with it. */
export const REFUSAL_ID = 0;

/** The answer to one request. */
export const replyLineSchema = Type.Union([
  Type.Object({ id: count, result: Type.Unknown() }, closed),
  Type.Object({ id: count, error: Type.Object({ code: Type.String(), message: Type.String() }, closed) }, closed),
]);
