// A host with its plugins, as on a node: an attacker, and a bystander that must not notice.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPluginHost } from "../../../runtime/host/plugins/host.ts";
import type { PluginEvent, PluginHost, PluginLogLine, SandboxPolicy } from "../../../runtime/host/plugins/types.ts";
import type { AgentOutcome } from "../../../runtime/services/calls.ts";

const BYSTANDER = `export default { kind: "resource-agent", api: 1, spec: {
  name: "bystander", summary: "Does its work", parameters: { type: "object", properties: {} },
  async monitor() { return "running"; }, async start() {}, async stop() {},
} };`;

/** What a call of the attacker is given besides the verb. */
interface CallSettings {
  readonly timeoutMs?: number;
  readonly resource?: string;
}

/** A plugin host at work. */
export class Bench {
  readonly events: PluginEvent[] = [];
  readonly lines: PluginLogLine[] = [];
  readonly attributes: [name: string, value: string | null][] = [];
  readonly host: PluginHost;
  readonly attacker: string;
  private lastId = 0;

  /** `folder`: an own one. `attacker`: its name and source. */
  constructor(
    folder: string,
    attacker: { readonly name: string; readonly source: string },
    sandbox: SandboxPolicy = { requireSandbox: true },
  ) {
    const base = join(folder, attacker.name);
    mkdirSync(base, { recursive: true });
    writeFileSync(join(base, `${attacker.name}.js`), attacker.source);
    writeFileSync(join(base, "bystander.js"), BYSTANDER);
    this.attacker = attacker.name;
    this.host = createPluginHost({
      nodeName: "n1",
      stateDirectory: join(base, "state"),
      plugins: [`./${attacker.name}.js`, "./bystander.js"],
      pluginsBase: base,
      childEnvironment: {},
      sandbox,
      log: (line) => this.lines.push(line),
      onEvent: (event) => this.events.push(event),
      onAttribute: (name, value) => this.attributes.push([name, value]),
    });
  }

  monitor(
    type: string,
    parameters: Readonly<Record<string, string>>,
    { timeoutMs = 20_000, resource = "r" }: CallSettings = {},
  ): Promise<AgentOutcome> {
    this.lastId += 1;
    return this.host.callAgent({
      id: this.lastId,
      resource: { id: type === this.attacker ? resource : "by", class: "ocf", provider: "systole", type },
      verb: "monitor",
      parameters,
      meta: {},
      timeoutMs,
      intervalMs: 10_000,
    });
  }

  /** One attempt of the attacker. */
  attack(parameters: Readonly<Record<string, string>>, settings: CallSettings = {}): Promise<AgentOutcome> {
    return this.monitor(this.attacker, parameters, settings);
  }

  /** The host lives, and the other plugin too, in the process in which it was. */
  async bystanderWorks(): Promise<void> {
    const outcome = await this.monitor("bystander", {});
    assert.deepEqual(outcome, { outcome: "state", state: "running" });
    const ended = this.events.find(({ code, text }) => code === "plugin-ended" && text.includes("bystander"));
    assert.equal(ended, undefined, "the bystander's process has never ended");
    assert.equal(Reflect.get({}, "polluted"), undefined, "the prototype of all objects is as it was");
  }

  /** Waits for an event; meanwhile the bystander works. */
  async until(isIt: (event: PluginEvent) => boolean): Promise<void> {
    const untilMs = performance.now() + 15_000;
    while (!this.events.some(isIt)) {
      assert.ok(performance.now() < untilMs, "it is told in time");
      await this.bystanderWorks();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** What was said of the attacker's last end. */
  lastEnd(): string {
    return this.events.filter(({ code }) => code === "plugin-ended").at(-1)?.text ?? "";
  }

  async close(): Promise<void> {
    await this.host.close({ stopDaemons: true });
  }
}

/** What an outcome says, as a text. */
export function saidIn(outcome: AgentOutcome): string {
  return "reason" in outcome && outcome.reason !== undefined ? outcome.reason : JSON.stringify(outcome);
}
