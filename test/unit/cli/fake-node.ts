// A node for tests of the command line: the real control socket, and behind it a document in memory instead of a cluster.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { documentAt, historyOf } from "../../../runtime/api/history.ts";
import type { StatusReport } from "../../../runtime/api/schema.ts";
import { type ApiHandlers, openApiServer } from "../../../runtime/api/server.ts";
import type { CliIo } from "../../../runtime/cli/io.ts";
import { runCli } from "../../../runtime/cli/program.ts";
import { parseXml } from "../../../runtime/compat/xml.ts";
import { SystoleError } from "../../../runtime/host/errors.ts";
import { EventLog } from "../../../runtime/host/event-log.ts";
import { applyEdits } from "../../../runtime/kernel/cib/edits.ts";
import { childNamed, type Element, withAttributes } from "../../../runtime/kernel/cib/element.ts";
import { withChange } from "../../../runtime/kernel/cib/history.ts";
import { makePatchset } from "../../../runtime/kernel/cib/patchset.ts";
import { durableDocument, versionOf } from "../../../runtime/kernel/cib/version.ts";
import type { ChangeOutcome, ChangeRequest, LogSnapshot, PastChange } from "../../../runtime/kernel/messages.ts";
import { problemText, validateConfiguration } from "../../../runtime/model/validate.ts";
import { FakePlugins } from "./fake-plugins.ts";

/** Noon, so that no text depends on the day of the test. */
export const NOON_EPOCH_MS = Date.UTC(2026, 10, 22, 12, 0, 0);

export const CIB_TEXT = `<cib validate-with="pacemaker-3.9" admin_epoch="0" epoch="7" num_updates="3" have-quorum="1" dc-uuid="1">
<configuration>
<crm_config><cluster_property_set id="options"><nvpair id="options-cluster-name" name="cluster-name" value="shop"/></cluster_property_set></crm_config>
<nodes><node id="1" uname="n1"/><node id="2" uname="n2"/><node id="3" uname="n3"/></nodes>
<resources>
<primitive id="power" class="stonith" type="systole:dummy"/>
<primitive id="web" class="ocf" provider="systole" type="process"><meta_attributes id="web-meta"><nvpair id="web-meta-threshold" name="migration-threshold" value="3"/></meta_attributes><operations><op id="web-monitor" name="monitor" interval="10s" timeout="20s"/></operations></primitive>
<group id="desk"><primitive id="basket" class="ocf" provider="systole" type="dummy"/><primitive id="till" class="ocf" provider="systole" type="dummy"/></group>
<clone id="database-clone"><meta_attributes id="database-meta"><nvpair id="database-meta-p" name="promotable" value="true"/></meta_attributes><primitive id="database" class="ocf" provider="systole" type="stateful"/></clone>
</resources>
<constraints/>
</configuration>
<status>
<node_state id="1" uname="n1" in_ccm="true" crmd="online" join="member" expected="member"><transient_attributes id="1"><instance_attributes id="status-1"><nvpair id="status-1-f" name="fail-count-web#monitor_10000" value="1"/><nvpair id="status-1-l" name="last-failure-web#monitor_10000" value="1795348740"/></instance_attributes></transient_attributes>
<lrm id="1"><lrm_resources>
<lrm_resource id="web" class="ocf" provider="systole" type="process"><lrm_rsc_op id="web_last_0" operation="start" interval="0" call-id="4" rc-code="0" op-status="0" transition-key="3:1:0:x" last-rc-change="1795348700"/><lrm_rsc_op id="web_last_failure_0" operation="monitor" interval="10000" call-id="2" rc-code="7" op-status="0" transition-key="4:1:0:x" last-rc-change="1795348740" exec-time="12" exit-reason="process 4711 has gone"/></lrm_resource>
<lrm_resource id="database" class="ocf" provider="systole" type="stateful"><lrm_rsc_op id="database_last_0" operation="promote" interval="0" call-id="9" rc-code="0" op-status="0" transition-key="5:1:0:x"/></lrm_resource>
</lrm_resources></lrm></node_state>
<node_state id="2" uname="n2" in_ccm="true" crmd="online" join="member" expected="member"><lrm id="2"><lrm_resources>
<lrm_resource id="database" class="ocf" provider="systole" type="stateful"><lrm_rsc_op id="database_last_0" operation="start" interval="0" call-id="9" rc-code="0" op-status="0" transition-key="5:1:0:x"/></lrm_resource>
<lrm_resource id="basket" class="ocf" provider="systole" type="dummy"><lrm_rsc_op id="basket_last_0" operation="start" interval="0" call-id="5" rc-code="0" op-status="0" transition-key="5:1:0:x"/></lrm_resource>
<lrm_resource id="till" class="ocf" provider="systole" type="dummy"><lrm_rsc_op id="till_last_0" operation="start" interval="0" call-id="-1" rc-code="193" op-status="-1" transition-key="5:1:0:x"/></lrm_resource>
</lrm_resources></lrm></node_state>
<node_state id="3" uname="n3" in_ccm="false" crmd="offline" join="down" expected="down"/>
</status></cib>`;

/** What one command line did. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly terminal?: boolean;
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** What a person answers; makes the input a terminal. */
  readonly answer?: string;
  /** Called with each output; may abort as Ctrl-C does. */
  readonly onOut?: (text: string, interrupt: () => void) => void;
}

/** Runs a command line in this process. */
export async function systole(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  let out = "";
  let err = "";
  const interrupt = new AbortController();
  const io: CliIo = {
    out(text) {
      out += text;
      options.onOut?.(out, () => interrupt.abort());
    },
    err(text) {
      err += text;
    },
    env: { LANG: "C.UTF-8", ...options.env },
    outIsTerminal: options.terminal ?? false,
    columns: options.columns ?? 100,
    rows: 30,
    inIsTerminal: options.answer !== undefined,
    ask: async (question) => {
      err += `${question}\n`;
      return options.answer;
    },
    readStdin: async () => {
      const { stdin = "" } = options;
      return typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin;
    },
    interrupted: () => interrupt.signal,
    exit: (code) => {
      throw new Error(`exit ${code}`);
    },
  };
  const code = await runCli(words, io);
  return { code, out, err };
}

/** A node's document, and what it was asked. */
export class FakeNode {
  cib: Element = parseXml(CIB_TEXT);
  history: readonly PastChange[] = [];
  readonly requests: unknown[] = [];
  readonly events = new EventLog();
  readonly plugins = new FakePlugins();
  /** Answers to the next changes, instead of making them. */
  readonly outcomes: ChangeOutcome[] = [];
  /** Called before a change is judged. */
  beforeChange: () => void = () => {};
  readonly socket: string;
  readonly #directory = mkdtempSync(join(tmpdir(), "systole-cli-"));
  #close: () => Promise<void> = async () => {};

  constructor() {
    this.socket = join(this.#directory, "s.sock");
    // A test that fails before it can stop the node leaves nothing behind either.
    process.once("exit", this.#remove);
  }

  readonly #remove = (): void => {
    process.off("exit", this.#remove);
    rmSync(this.#directory, { recursive: true, force: true });
  };

  static async start(): Promise<FakeNode> {
    const node = new FakeNode();
    const hello = { version: "0.1.0", cluster: "shop", node: "n1", pid: 1, startedEpochMs: 0 };
    const onBug = (error: unknown): void => {
      throw error;
    };
    const options = { path: node.socket, hello, handlers: node.#handlers(), events: node.events, onBug };
    const server = await openApiServer(options);
    node.#close = () => server.close();
    node.events.add({
      epochMs: NOON_EPOCH_MS,
      kind: "view",
      code: "view",
      text: "n1, n2 form view 4",
      severity: "info",
    });
    return node;
  }

  async stop(): Promise<void> {
    try {
      await this.#close();
    } finally {
      this.#remove();
    }
  }

  /** Runs a command line against this node. */
  run(line: string, options: RunOptions = {}): Promise<Ran> {
    const words = line.split(" ").filter((word) => word !== "");
    return systole(words, { ...options, env: { SYSTOLE_SOCKET: this.socket, ...options.env } });
  }

  get stored(): LogSnapshot {
    const lives = [1, 2].map((id) => ({ id, incarnation: 1 }));
    const numbers = { primaryNumber: 4, adoptedPrimary: 4, promisedPrimary: 4, index: this.history.length };
    const position = { ...numbers, promisedMembers: lives, intact: true, empty: false };
    return { cib: durableDocument(this.cib), position, recentRequests: [], history: this.history };
  }

  #handlers(): ApiHandlers {
    return {
      status: () => this.#status(),
      "cib-query": () => ({ version: versionOf(this.cib), element: this.cib }),
      "cib-history": ({ limit }) => ({ changes: historyOf(this, limit) }),
      "cib-document": ({ number }) => documentAt(this, number),
      backup: () => ({ cluster: "shop", primary: true, snapshot: this.stored }),
      "cib-change": ({ change }) => this.#change(change),
      request: ({ request }) => {
        this.requests.push(request);
        if (request.request === "fence" && request.node === "n1") {
          return { outcome: "refused", code: "no-device", reason: "No fence device is configured for n1. Add one." };
        }
        return { outcome: "done", text: `Done: ${request.request}.` };
      },
      "plugin-list": () => ({ plugins: PLUGINS }),
      "plugin-describe": ({ name }) => ({ plugins: PLUGINS.filter((plugin) => plugin.name === name) }),
      "plugin-offer": (params) => this.plugins.offer(params),
      "plugin-verify": () => this.plugins.verify(this.cib),
      "plugin-prove": () => this.plugins.prove(),
      why: ({ resource }) => {
        if (resource !== "web") throw new SystoleError("not-found", "The plan does not place it.");
        const causes = [{ code: "stickiness", text: "it runs there already and resource-stickiness is 100" }];
        return { placements: [{ resource, node: "n1", role: "Started", activeOn: ["n1"], causes }] };
      },
      "start-override": ({ who }) => {
        this.requests.push({ request: "start-override", who });
        return { accepted: true };
      },
      shutdown: () => {
        setImmediate(() => void this.#close());
        return { accepted: true };
      },
    };
  }

  #change(change: ChangeRequest): ChangeOutcome {
    this.requests.push(change);
    this.beforeChange();
    const ready = this.outcomes.shift();
    if (ready !== undefined) return ready;
    const version = versionOf(this.cib);
    if (change.base !== undefined && change.base.epoch !== version.epoch) {
      return { outcome: "refused", code: "stale", reason: "The configuration has changed since." };
    }
    const edited = applyEdits(this.cib, change.edits);
    if (!edited.ok) return { outcome: "refused", code: edited.code, reason: edited.reason };
    const next = childNamed(edited.cib, "configuration");
    const problem = next && validateConfiguration(next).find((one) => one.severity === "error");
    if (problem) return { outcome: "refused", code: problem.code, reason: problemText(problem) };
    const before = durableDocument(this.cib);
    this.cib = withAttributes(edited.cib, { epoch: `${version.epoch + 1}`, num_updates: "0" });
    const after = durableDocument(this.cib);
    const { why, id: requestId } = change;
    const at = { index: this.history.length + 1, primaryNumber: 1, epochMs: NOON_EPOCH_MS, durable: true };
    const entry = { ...at, requestId, who: "anna@desk", why, patchset: makePatchset(before, after) };
    this.history = withChange(this.history, entry, before, after);
    this.events.changed();
    return { outcome: "done", version: versionOf(this.cib) };
  }

  #status(): StatusReport {
    const view = {
      id: { number: 4, proposer: 1 },
      members: [1, 2].map((id) => ({ id, incarnation: 1, primaryNumber: 3, seniority: 1, featureLevel: 1 })),
      departures: [{ id: 3, incarnation: 1, cause: "left" as const }],
    };
    const reason = "Quorum: 2 of 3 expected votes are here and 2 are needed.";
    const good = { quorate: true, primary: true, established: true, primaryNumber: 4, missing: [] };
    return {
      cluster: "shop",
      node: { id: 1, name: "n1", incarnation: 1, pid: 1, startedEpochMs: 0, version: "0.1.0", featureLevel: 1 },
      epochMs: NOON_EPOCH_MS,
      nodes: [1, 2, 3].map((id) => ({ id, name: `n${id}`, votes: 1 })),
      standing: { view, coordinator: 1, ...good, votes: 2, expectedVotes: 3, reason },
      cib: this.cib,
      transport: { name: "udp", links: ["127.0.0.1 port 1"], peers: [] },
      inFlight: [],
      plugins: { confinement: "sandboxed", held: "Deno", used: [] },
      operations: [{ what: "start of till on n2", sinceMs: 1500 }],
      transition: { number: 12, actions: 8, confirmed: 3, reason: "till was to be started." },
      fencingHistory: [
        {
          target: "n3",
          action: "off",
          state: "done",
          device: "power",
          by: "n1",
          epochMs: NOON_EPOCH_MS - 60_000,
          durationMs: 212,
        },
      ],
      acceptsLoss: false,
      longestLagMs: 0,
      stateDirectory: "/var/lib/systole",
      stopping: false,
    };
  }
}

const DESCRIBED = { origin: "bundled", trust: "in-process, trusted", api: 1, permissions: {}, timeouts: {} } as const;

const PLUGINS = [
  {
    kind: "resource-agent" as const,
    name: "process",
    reference: "ocf:systole:process",
    summary: "Runs a program and watches it",
    file: "plugins/agents/process.mjs",
    ...DESCRIBED,
    verbs: ["monitor", "start", "stop"],
    parameters: [
      { name: "program", description: "Path of the program", type: "string", required: true },
      { name: "arguments", description: "Its arguments", type: "words", required: false, default: "" },
    ],
    permissions: { daemon: ["{program}"] },
    timeouts: { start: "20s" },
  },
  ...(["resource-agent", "fence-device"] as const).map((kind) => ({
    kind,
    name: "dummy",
    reference: kind === "fence-device" ? "systole:dummy" : "ocf:systole:dummy",
    summary: "Does nothing, for tests",
    file: "plugins/dummy.mjs",
    ...DESCRIBED,
    verbs: ["monitor"],
    parameters: [],
  })),
  {
    ...DESCRIBED,
    kind: "unknown" as const,
    name: "broken",
    reference: "",
    summary: "",
    file: "./agents/broken.ts",
    origin: "configured" as const,
    verbs: [],
    parameters: [],
    problem: {
      code: "plugin-kind",
      text: "Plugin ./agents/broken.ts exports no plugin by default. Export by default what defineResourceAgent, defineFenceDevice or defineTransport returned.",
    },
  },
];
