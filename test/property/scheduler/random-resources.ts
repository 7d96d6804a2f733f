// Random resources: each draws as a block of lines that defines one top resource and what it is made of.

import fc from "fast-check";

/** One top resource. */
export interface ResourceBlock {
  /** All ids in it. */
  readonly ids: readonly string[];
  readonly primitives: readonly string[];
  /** The outermost resource. */
  readonly top: string;
  readonly promotable: boolean;
  readonly lines: readonly string[];
  /** Lines that may come later. */
  readonly changes: readonly string[];
}

const META = [
  "target-role=Stopped",
  "target-role=Started",
  "is-managed=false",
  "maintenance=true",
  "priority=5",
  "resource-stickiness=50",
  "resource-stickiness=INFINITY",
  "migration-threshold=1",
  "migration-threshold=3 failure-timeout=60s",
  "multiple-active=block",
  "multiple-active=stop_only",
  "multiple-active=stop_unexpected",
  "allow-migrate=true",
  "allow-migrate=true",
  "requires=nothing",
  "requires=quorum",
  "requires=unfencing",
  "critical=false",
  "allow-unhealthy-nodes=true",
];

const OPERATIONS = [
  "op monitor interval=10s",
  "op monitor interval=10s timeout=5s on-fail=standby",
  "op monitor interval=11s on-fail=fence",
  "op monitor interval=12s on-fail=block",
  "op monitor interval=13s on-fail=ignore",
  "op monitor interval=14s on-fail=stop",
  "op monitor interval=15s on-fail=demote role=Promoted",
  "op monitor interval=16s role=Promoted",
  "op monitor interval=17s role=Stopped",
  "op monitor interval=1h interval-origin=1970-01-12T13:00:00Z",
  "op monitor interval=20s start-delay=5s",
  "op monitor interval=21s enabled=false",
  "op monitor interval=22s on-fail=restart-container",
  "op start interval=0 on-fail=block timeout=20s",
  "op start interval=0 on-fail=standby",
  "op stop interval=0 on-fail=block",
  "op stop interval=0 on-fail=ignore",
  "op promote interval=0 on-fail=demote",
  "op demote interval=0 on-fail=block",
];

const PARAMETERS = ["params a=1", "params a=1 b=2", "params passwd=x", "params fake=1 op_sleep=2"];
const UTILIZATION = ["utilization cpu=1", "utilization cpu=2 memory=10", "utilization cpu=5"];
const AGENTS = ["", "", "", "", "ocf:pacemaker:Stateful", "ocf:heartbeat:apache", "systemd:httpd", "lsb:exim"];

const some = (texts: readonly string[], most: number) =>
  fc.uniqueArray(fc.nat(texts.length - 1), { maxLength: most }).map((picks) => picks.map((pick) => texts[pick] ?? ""));

const primitiveWords = fc
  .record({
    agent: fc.constantFrom(...AGENTS),
    meta: some(META, 2),
    operations: some(OPERATIONS, 2),
    parameters: some(PARAMETERS, 1),
    utilization: some(UTILIZATION, 1),
  })
  .map(({ agent, meta, operations, parameters, utilization }) =>
    [
      agent,
      ...new Map(
        meta
          .join(" ")
          .split(" ")
          .map((word) => [word.split("=")[0], word]),
      ).values(),
      ...parameters,
      ...new Map(operations.map((words) => [words.split(" ").slice(0, 3).join(" "), words])).values(),
      ...utilization,
    ]
      .filter((word) => word !== "")
      .join(" "),
  );

const CHANGES = [
  "meta ID when date gt 1970-01-12 target-role=Stopped",
  "meta ID when date from 1970-01-12T13:00:00Z for hours:1 priority=10",
  "meta ID when date spec hours:9-16 weekdays:1-5 resource-stickiness=0",
  "params ID when date gt 1970-01-12T13:50:00Z a=3",
  "params ID when #uname eq n1 a=4",
  "params ID when site defined fake=7",
];

type Make = (name: string) => ResourceBlock;

const changes = (id: string, picks: readonly string[]) => picks.map((line) => line.replace("ID", id));

const primitive: fc.Arbitrary<Make> = fc
  .tuple(primitiveWords, some(CHANGES, 1))
  .map(([words, picks]) => (name: string) => ({
    ids: [name],
    primitives: [name],
    top: name,
    promotable: false,
    lines: [`primitive ${name} ${words}`],
    changes: changes(name, picks),
  }));

const templated: fc.Arbitrary<Make> = fc
  .tuple(primitiveWords, some(META, 1))
  .map(([words, meta]) => (name: string) => ({
    ids: [name, `${name}t`],
    primitives: [name],
    top: name,
    promotable: false,
    lines: [`template ${name}t ${words}`, `primitive ${name} from ${name}t ${meta.join(" ")} op monitor interval=33s`],
    changes: [],
  }));

const GROUP_META = [
  "",
  "",
  "",
  "ordered=false",
  "collocated=false",
  "target-role=Stopped",
  "is-managed=false",
  "priority=3",
];

const group: fc.Arbitrary<Make> = fc
  .tuple(fc.array(primitiveWords, { minLength: 1, maxLength: 4 }), fc.constantFrom(...GROUP_META), some(CHANGES, 1))
  .map(([members, meta, picks]) => (name: string) => {
    const ids = members.map((_words, i) => `${name}${"abcdef"[i]}`);
    return {
      ids: [name, ...ids],
      primitives: ids,
      top: name,
      promotable: false,
      lines: [
        ...members.map((words, i) => `primitive ${ids[i]} ${words}`),
        `group ${name} of ${ids.join(" ")} ${meta}`,
      ],
      changes: changes(ids[0] ?? name, picks),
    };
  });

const CLONE_META = [
  "interleave=true",
  "ordered=true",
  "notify=true",
  "globally-unique=true",
  "globally-unique=true clone-node-max=2",
  "clone-max=2",
  "clone-max=1",
  "clone-max=7 clone-node-max=3",
  "clone-min=2",
  "target-role=Stopped",
  "target-role=Unpromoted",
  "is-managed=false",
  "resource-stickiness=10",
  "promoted-max=2",
  "promoted-max=2 promoted-node-max=2",
];

/** Without promotion scores nothing would ever be promoted. */
const scores = (primitives: readonly string[]) =>
  primitives.flatMap((id) => [`score master-${id} n1 10`, `score master-${id} n2 5`]);

const clone: fc.Arbitrary<Make> = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: primitive }, { weight: 1, arbitrary: group }),
    some(CLONE_META, 3),
    fc.boolean(),
  )
  .map(([inner, meta, promotable]) => (name: string) => {
    const block = inner(`${name}x`);
    const pairs = [...meta, ...(promotable ? ["promotable=true"] : [])].join(" ");
    const lines = promotable
      ? block.lines.map((line) => line.replace(/systemd:\S+|lsb:\S+/, "ocf:pacemaker:Stateful"))
      : block.lines;
    return {
      ids: [name, ...block.ids],
      primitives: block.primitives,
      top: name,
      promotable,
      lines: [...lines, `clone ${name} of ${block.top} ${pairs}`, ...(promotable ? scores(block.primitives) : [])],
      changes: block.changes,
    };
  });

const BUNDLE_WORDS = ["replicas=1", "replicas=2", "replicas=3 promoted-max=1", "replicas=2 replicas-per-host=2"];
const NETWORKS = [
  "network ip-range-start=192.168.122.131 port port=80",
  "network control-port=9999",
  "network ip-range-start=10.0.0.1 host-netmask=24",
];

const bundle: fc.Arbitrary<Make> = fc
  .tuple(
    fc.constantFrom(...BUNDLE_WORDS),
    fc.constantFrom(...NETWORKS),
    fc.option(primitiveWords, { nil: undefined }),
    fc.boolean(),
  )
  .map(([words, network, inner, podman]) => (name: string) => {
    const id = `${name}x`;
    const kind = podman ? "podman" : "";
    const container = `image=pcmk:http ${words} options=--log-driver=journald`;
    const promoted = inner !== undefined && words.includes("promoted-max");
    const inside = inner === undefined ? [] : [`primitive ${id} ${inner.replace(/systemd:\S+|lsb:\S+/, "")}`];
    const of = inner === undefined ? "" : `of ${id}`;
    return {
      ids: inner === undefined ? [name] : [name, id],
      primitives: inner === undefined ? [] : [id],
      top: name,
      promotable: promoted,
      lines: [
        ...(promoted ? [`score master-${id} ${name}-0 5`] : []),
        ...inside,
        `bundle ${name} ${of} ${kind} ${container} ${network} storage target-dir=/var source-dir=/srv`,
      ],
      changes: [],
    };
  });

const remote: fc.Arbitrary<Make> = fc
  .constantFrom("", "params reconnect_interval=60s", "op monitor interval=30s")
  .map((words) => (name: string) => ({
    ids: [name],
    primitives: [name],
    top: name,
    promotable: false,
    lines: [`primitive ${name} ocf:pacemaker:remote params server=10.0.0.9 ${words.replace("params ", "")}`],
    changes: [],
  }));

const guest: fc.Arbitrary<Make> = primitiveWords.map((words) => (name: string) => ({
  ids: [name, `${name}g`],
  primitives: [name],
  top: name,
  promotable: false,
  lines: [
    `primitive ${name} ${words.replace(/systemd:\S+|lsb:\S+/, "ocf:heartbeat:VirtualDomain")}`.replace(
      /^(primitive \S+(?: \S+:\S+:\S+)?)/,
      `$1 remote-node=${name}g`,
    ),
  ],
  changes: [],
}));

/** Something of any kind. */
export const randomBlock: fc.Arbitrary<Make> = fc.oneof(
  { weight: 6, arbitrary: primitive },
  { weight: 1, arbitrary: templated },
  { weight: 4, arbitrary: group },
  { weight: 6, arbitrary: clone },
  { weight: 2, arbitrary: bundle },
  { weight: 1, arbitrary: remote },
  { weight: 1, arbitrary: guest },
);
