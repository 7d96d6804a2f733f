// What one looks at to know how the cluster is: the answer of `status`, as data. The API sends it, `systole status --json`
// prints it, and the terminal views draw it. Everything in it is derived; nothing is stored in this form.

import Type, { type Static } from "typebox";

/** A node as people see it. `unclean` = it may still be running things although it cannot be reached; only a fence ends that. */
const NodeStateSchema = Type.Union([
  Type.Literal("online"),
  Type.Literal("pending"),
  Type.Literal("shutting-down"),
  Type.Literal("offline"),
  Type.Literal("unclean"),
]);
export type NodeState = Static<typeof NodeStateSchema>;

const NodeStatusSchema = Type.Object({
  id: Type.String({ description: "Id of the <node> element; a number in Systole's own clusters." }),
  name: Type.String(),
  kind: Type.Union([Type.Literal("member"), Type.Literal("remote"), Type.Literal("guest"), Type.Literal("ping")]),
  state: NodeStateSchema,
  reason: Type.Optional(Type.String({ description: "In words, where the state is not plainly online or offline." })),
  standby: Type.Boolean({ description: "Runs no resources." }),
  maintenance: Type.Boolean({ description: "Resources there are neither started, stopped nor monitored." }),
  coordinator: Type.Boolean(),
  local: Type.Boolean({ description: "The node that gave this answer." }),
  running: Type.Integer({ description: "Number of resource instances active there." }),
  attributes: Type.Record(Type.String(), Type.String(), { description: "Permanent and transient node attributes." }),
});
export type NodeStatus = Static<typeof NodeStatusSchema>;

/** What one instance of a primitive does on one node. */
const ActivitySchema = Type.Object({
  node: Type.String(),
  role: Type.Union([
    Type.Literal("Stopped"),
    Type.Literal("Started"),
    Type.Literal("Unpromoted"),
    Type.Literal("Promoted"),
  ]),
  instance: Type.Optional(Type.String({ description: "Instance id with its number, for unique clones." })),
  pending: Type.Optional(Type.String({ description: "starting, stopping, promoting, demoting, moving." })),
  failed: Type.Boolean(),
  blocked: Type.Boolean({ description: "Failed in a way that nothing is done about (a failed stop without fencing)." }),
});
export type Activity = Static<typeof ActivitySchema>;

/** A resource with its members, as deep as the CIB nests them (a clone of a group of primitives is the deepest). */
export interface ResourceStatus {
  readonly id: string;
  readonly kind: "primitive" | "group" | "clone" | "promotable" | "bundle";
  /** CLASS:PROVIDER:TYPE of a primitive. */
  readonly agent?: string;
  /** target-role Stopped, on itself or on what it stands in. */
  readonly disabled: boolean;
  readonly managed: boolean;
  readonly maintenance: boolean;
  /** Running, but no longer in the configuration. */
  readonly orphan: boolean;
  readonly failed: boolean;
  /** Of a primitive: where it is active or failed; sorted by node. Empty = stopped everywhere. */
  readonly activities: readonly Activity[];
  readonly members: readonly ResourceStatus[];
}

const ResourceBaseSchema = Type.Object({
  id: Type.String(),
  kind: Type.Union([
    Type.Literal("primitive"),
    Type.Literal("group"),
    Type.Literal("clone"),
    Type.Literal("promotable"),
    Type.Literal("bundle"),
  ]),
  agent: Type.Optional(Type.String()),
  disabled: Type.Boolean(),
  managed: Type.Boolean(),
  maintenance: Type.Boolean(),
  orphan: Type.Boolean(),
  failed: Type.Boolean(),
  activities: Type.Array(ActivitySchema),
});

const ResourceStatusSchema = Type.Cyclic(
  {
    Resource: Type.Object({ ...ResourceBaseSchema.properties, members: Type.Array(Type.Ref("Resource")) }),
  },
  "Resource",
);

const FailureSchema = Type.Object({
  resource: Type.String(),
  node: Type.String(),
  count: Type.Integer({ description: "1000000 means INFINITY: never again there until cleaned up." }),
  threshold: Type.Optional(Type.Integer({ description: "migration-threshold, where it is set." })),
  lastFailureEpochSeconds: Type.Optional(Type.Integer()),
});
export type Failure = Static<typeof FailureSchema>;

const FailedOperationSchema = Type.Object({
  resource: Type.String(),
  node: Type.String(),
  operation: Type.String(),
  intervalMs: Type.Integer(),
  rc: Type.Integer({ description: "OCF exit code." }),
  result: Type.String({ description: "The exit code or execution status in words." }),
  reason: Type.String({ description: "What the agent said; may be empty." }),
  epochSeconds: Type.Optional(Type.Integer()),
  execTimeMs: Type.Optional(Type.Integer()),
});
export type FailedOperation = Static<typeof FailedOperationSchema>;

const FencingRecordSchema = Type.Object({
  target: Type.String(),
  action: Type.String({ description: "off, on or reboot." }),
  state: Type.Union([Type.Literal("pending"), Type.Literal("done"), Type.Literal("failed")]),
  device: Type.Optional(Type.String()),
  by: Type.Optional(Type.String({ description: "Node that performed it." })),
  epochMs: Type.Integer(),
  durationMs: Type.Optional(Type.Number()),
  text: Type.Optional(Type.String()),
});
export type FencingRecord = Static<typeof FencingRecordSchema>;

const EventSchema = Type.Object({
  epochMs: Type.Number(),
  kind: Type.String(),
  code: Type.String(),
  text: Type.String(),
  severity: Type.Union([Type.Literal("info"), Type.Literal("warning"), Type.Literal("error")]),
  node: Type.Optional(Type.String()),
  resource: Type.Optional(Type.String()),
  durationMs: Type.Optional(Type.Number()),
});
export type StatusEvent = Static<typeof EventSchema>;

/** Calls that are in flight in the host: hung plugin calls have names. */
const InFlightSchema = Type.Object({
  what: Type.String(),
  sinceMs: Type.Number({ description: "How long it has been running." }),
});
export type InFlight = Static<typeof InFlightSchema>;

/** How plugins are held on the node that answers. */
const PluginsSchema = Type.Object({
  confinement: Type.Union([Type.Literal("sandboxed"), Type.Literal("not sandboxed"), Type.Literal("refused")], {
    description: "refused: none is started, because nothing could hold it and requireSandbox is set.",
  }),
  held: Type.String({ description: "What their processes are, or why there are none." }),
  used: Type.Array(
    Type.Object({
      plugin: Type.String({ description: "ocf:systole:NAME, stonith:systole:NAME." }),
      state: Type.Union([Type.Literal("running"), Type.Literal("starting"), Type.Literal("refused")]),
      problem: Type.Optional(Type.String()),
    }),
  ),
});
export type PluginsStatus = Static<typeof PluginsSchema>;

const QuorumStatusSchema = Type.Object({
  quorate: Type.Boolean(),
  primary: Type.Boolean({ description: "Changes are acknowledged and resources started." }),
  established: Type.Boolean({ description: "The members of this view have the same CIB." }),
  votes: Type.Integer(),
  expectedVotes: Type.Integer(),
  reason: Type.String({ description: "In words." }),
  acceptsLoss: Type.Boolean({ description: "Options that can lose acknowledged changes were accepted." }),
  arbiter: Type.Optional(
    Type.Object({
      votes: Type.Boolean({ description: "It has a vote: half of the nodes can go on with it." }),
      reachable: Type.Optional(Type.Boolean({ description: "From the local node; absent when it was not asked yet." })),
      given: Type.Optional(
        Type.Object(
          { nodes: Type.Array(Type.String()), primaryNumber: Type.Integer() },
          { description: "The half of the cluster that it was last given to, and its primary view." },
        ),
      ),
      text: Type.String({ description: "In words." }),
    }),
  ),
});

/** The plan that the coordinator is carrying out. */
const TransitionSchema = Type.Object({
  number: Type.Integer(),
  actions: Type.Integer({ description: "In the plan." }),
  confirmed: Type.Integer({ description: "Done." }),
  reason: Type.String(),
});
export type TransitionStatus = Static<typeof TransitionSchema>;

const StatusBaseSchema = Type.Object({
  cluster: Type.String({ description: "cluster-name; empty when none was given." }),
  epochMs: Type.Integer({ description: "When this was computed." }),
  localNode: Type.Optional(Type.String()),
  coordinator: Type.Optional(Type.String()),
  version: Type.Object({ adminEpoch: Type.Integer(), epoch: Type.Integer(), numUpdates: Type.Integer() }),
  quorum: QuorumStatusSchema,
  maintenance: Type.Boolean({ description: "maintenance-mode of the whole cluster." }),
  fencing: Type.Object({ enabled: Type.Boolean(), devices: Type.Integer() }),
  nodes: Type.Array(NodeStatusSchema),
  failures: Type.Array(FailureSchema),
  failedOperations: Type.Array(FailedOperationSchema),
  fencingHistory: Type.Array(FencingRecordSchema),
  events: Type.Array(EventSchema, { description: "Recent changes, newest last." }),
  transition: Type.Optional(TransitionSchema),
  inFlight: Type.Array(InFlightSchema),
  plugins: Type.Optional(PluginsSchema),
  problems: Type.Array(Type.String(), {
    description: "What keeps parts of the configuration from being used, in words.",
  }),
});

/** The whole answer. */
export const ClusterStatusSchema = Type.Object({
  ...StatusBaseSchema.properties,
  resources: Type.Array(ResourceStatusSchema),
});
export type ClusterStatus = Static<typeof StatusBaseSchema> & { resources: ResourceStatus[] };
