// Conversations of kernels above a scripted pulse, as text to read: quorum and the replicated CIB.
//
//   nodes 3              kernels with empty stores; two_node, wait_for_all: as these options say
//   view 1 2 | left 3    these agree on a view (and know that 3 has left cleanly)
//   change 2 a=1         a client of node 2 asks that property a be 1, under the id "a=1"
//   disk 3 50            the disk of node 3 takes 50 ms for a write from now on
//   crash 1              also: start, wipe (its store is lost)
//   fenced 2 by 1        node 1 has read "off" for node 2
//   run 20               milliseconds
//   show                 the properties as each node shows them, and what its disk has

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { elementAt, formatVersion, versionOf } from "../../../runtime/kernel/cib/version.ts";
import type {
  KernelEffect,
  KernelMessage,
  LogDifference,
  Standing,
  StoreRecord,
} from "../../../runtime/kernel/messages.ts";
import { Cluster, property } from "../../unit/kernel/cluster.ts";
import { goldenTests } from "../text.ts";

const FOLDER = new URL(".", import.meta.url);
const OPTIONS = [{ name: "configuration" }, { name: "crm_config" }, { name: "cluster_property_set", id: "options" }];

class Conversation {
  private cluster = new Cluster({ nodes: 1 });
  private lines: string[] = [];
  private readonly diskMs = new Map<number, number>();
  /** Sends of one thing to several nodes are told as one. */
  private sends: { readonly from: number; readonly words: string; readonly to: number[] } | undefined;

  command(line: string): string[] {
    this.lines = [];
    const [verb = "", ...words] = line.split(/\s+/);
    this.obey(verb, words);
    this.tellSends();
    return this.lines;
  }

  private obey(verb: string, words: readonly string[]): void {
    const [first = 0, second = 0] = words.map(Number);
    if (verb === "nodes") this.open(first, words.slice(1));
    else if (verb === "view") this.view(words);
    else if (verb === "change") this.change(first, words[1] ?? "");
    else if (verb === "disk") this.diskMs.set(first, second);
    else if (verb === "crash") this.cluster.crash(first);
    else if (verb === "start") this.cluster.start(first);
    else if (verb === "wipe") this.cluster.wipe(first, true);
    else if (verb === "fenced") this.fenced(first, Number(words[2]));
    else if (verb === "run") this.cluster.run(first);
    else if (verb === "show") this.show();
    else throw new Error(`there is no command ${verb}`);
  }

  private open(nodes: number, options: readonly string[]): void {
    const quorum = { twoNode: options.includes("two_node"), waitForAll: options.includes("wait_for_all") };
    this.diskMs.clear();
    this.cluster = new Cluster({ nodes, quorum, persistMs: (id) => this.diskMs.get(id) ?? 2 });
    this.cluster.onEffect = (node, effect) => this.tell(node.id, effect);
  }

  private view(words: readonly string[]): void {
    const bar = words.indexOf("|");
    const ids = (bar < 0 ? words : words.slice(0, bar)).map(Number);
    const departures = (bar < 0 ? [] : words.slice(bar + 2)).map((word) => {
      const id = Number(word);
      return { id, incarnation: this.cluster.node(id).incarnation, cause: "left" as const };
    });
    this.cluster.view(ids, { departures });
  }

  private change(node: number, setting: string): void {
    const [name = "", value = ""] = setting.split("=");
    this.cluster.ask(node, { id: setting, edits: [property(name, value)] });
  }

  private fenced(node: number, by: number): void {
    this.cluster.input(by, { type: "fenced", node, incarnation: this.cluster.node(node).incarnation });
  }

  private show(): void {
    for (const { id, up, kernel, disk } of this.cluster.nodes.values()) {
      const { primaryNumber, index, intact } = disk.log.position;
      const onDisk = intact
        ? `its disk ends at entry ${index} of primary view ${primaryNumber}`
        : "its disk has no whole store";
      const shown = up ? `shows ${formatVersion(versionOf(kernel.cib))} ${settings(kernel.cib)}` : "is down";
      this.lines.push(`         ${id} ${shown}; ${onDisk}`);
    }
  }

  private say(words: string): void {
    this.lines.push(`${this.cluster.nowMs.toString().padStart(8)} ${words}`);
  }

  private tellSends(): void {
    if (this.sends === undefined) return;
    const { from, to, words } = this.sends;
    this.sends = undefined;
    this.say(`${from} -> ${to.join(" ")} ${words}`);
  }

  private tell(node: number, effect: KernelEffect): void {
    if (effect.type === "send") {
      const words = messageText(effect.message);
      if (this.sends?.from === node && this.sends.words === words) this.sends.to.push(effect.to);
      else {
        this.tellSends();
        this.sends = { from: node, words, to: [effect.to] };
      }
      return;
    }
    this.tellSends();
    if (effect.type === "persist") this.say(`${node} writes ${effect.records.map(recordText).join(", ")}`);
    else if (effect.type === "standing" && effect.standing.established)
      this.say(`${node} STANDS ${standingText(effect.standing)}`);
    else if (effect.type === "answer") this.say(`${node} ANSWERS ${effect.requestId}: ${outcomeText(effect.outcome)}`);
    else if (effect.type === "note" || effect.type === "step-out") this.say(`${node} says: ${effect.text}`);
  }
}

function settings(cib: Parameters<typeof elementAt>[0]): string {
  const pairs = elementAt(cib, OPTIONS)?.children ?? [];
  return `{ ${pairs.map(({ attributes }) => `${attributes["name"]}=${attributes["value"]}`).join(" ")} }`;
}

function standingText({ view, primary, primaryNumber, coordinator, reason }: Standing): string {
  const members = view.members.map((member) => member.id).join(" ");
  const words = primary ? `primary ${primaryNumber}` : "not primary";
  return `in view ${view.id.number} { ${members} }, ${words}, coordinator ${coordinator}: ${reason}`;
}

function recordText(record: StoreRecord): string {
  switch (record.record) {
    case "promise":
      return `promise ${record.primaryNumber} with ${record.members.map((member) => member.id).join(" ")}`;
    case "adopt":
      return `adopt ${record.primaryNumber}`;
    case "whole":
      return "the whole document";
    case "entry":
      return `entry ${record.entry.index} (${record.entry.requestId})`;
  }
}

function differenceText(log: LogDifference | undefined): string {
  if (log === undefined) return "nothing is missing";
  if (log.difference === "whole") return "the whole document";
  return `the entries ${log.entries.map((entry) => `${entry.index} (${entry.requestId})`).join(", ")}`;
}

function outcomeText(outcome: Extract<KernelEffect, { type: "answer" }>["outcome"]): string {
  if (outcome.outcome === "done") return `done in ${formatVersion(outcome.version)}`;
  return outcome.outcome === "unknown" ? `unknown: ${outcome.reason}` : `refused, ${outcome.code}: ${outcome.reason}`;
}

function messageText(message: KernelMessage): string {
  switch (message.type) {
    case "state": {
      const { index, primaryNumber, adoptedPrimary, intact } = message.position;
      return `state: ${intact ? `my log ends at entry ${index} of primary view ${primaryNumber}, adopted in ${adoptedPrimary}` : "I have no whole store"}`;
    }
    case "fetch":
      return `fetch: give me your log${message.status ? " and status" : ""}`;
    case "fetched":
      return `fetched: ${differenceText(message.log)}`;
    case "catch-up":
      return `catch-up to ${message.primaryNumber > 0 ? `primary view ${message.primaryNumber}` : "a view that is not primary"}: ${differenceText(message.log)}`;
    case "append":
      return `append ${message.sequence}: entry ${message.entry.index} (${message.entry.requestId})`;
    case "stored":
    case "commit":
      return `${message.type} ${message.sequence}`;
    case "change":
      return `change ${message.request.id}`;
    case "change-answer":
      return `change-answer ${message.requestId}: ${message.outcome.outcome}`;
    case "fenced":
      return `fenced ${message.node}`;
    case "start-override":
      return "start-override";
    default:
      return `${message.type} ${message.primaryNumber}`;
  }
}

for (const name of readdirSync(FOLDER)
  .filter((file) => file.startsWith("cib-") && file.endsWith(".txt"))
  .sort()) {
  // The cases of a file are one conversation: each goes on where the one before ended, until `nodes` makes a new cluster.
  const conversation = new Conversation();
  goldenTests(fileURLToPath(new URL(name, FOLDER)), (input) => {
    const commands = input.split("\n").filter((line) => !line.startsWith("#"));
    return commands.flatMap((line) => [`> ${line}`, ...conversation.command(line.trim())]).join("\n");
  });
}
