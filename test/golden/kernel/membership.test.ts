// Conversations of pulses, as text to read: what is done to a network, and what the nodes then say and do.
//
//   nodes 5 links=2      a network of that many nodes (seed=, heartbeat=, timeout=, links=)
//   start 1 2            also: crash, pause, resume, leave
//   cut 1 3              nothing that 1 sends reaches 3 (a third number: on that link only)
//   partition 1 2 | 3    mend        lose install 2    (the next two installs are lost)
//   run 1100             milliseconds

import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Datagram } from "../../../runtime/kernel/membership/datagram.ts";
import type { View } from "../../../runtime/kernel/membership/view.ts";
import { type NetEvent, PulseNet } from "../../sim/pulse-net.ts";
import { goldenTests } from "../text.ts";

const FOLDER = new URL(".", import.meta.url);

class Conversation {
  private net = new PulseNet({ nodes: 1 });
  private lines: string[] = [];
  private readonly said = new Map<number, string>();
  private losing: { type: string; left: number } | undefined;

  /** Does what a command says and returns what follows from it. */
  command(line: string): string[] {
    this.lines = [];
    const [verb = "", ...words] = line.split(/\s+/);
    this.obey(verb, words);
    return this.lines;
  }

  private obey(verb: string, words: readonly string[]): void {
    const ids = words.map(Number);
    const [first = 0, second = 0, third] = ids;
    if (verb === "nodes") this.open(first, words.slice(1));
    else if (verb === "run") this.net.run(first);
    else if (verb === "start") for (const id of ids) this.net.start(id);
    else if (verb === "crash") for (const id of ids) this.net.crash(id);
    else if (verb === "pause") for (const id of ids) this.net.pause(id);
    else if (verb === "resume") for (const id of ids) this.net.resume(id);
    else if (verb === "leave") for (const id of ids) this.net.input(id, { type: "leave" });
    else if (verb === "cut") this.net.cut(first, second, third);
    else if (verb === "partition") this.partition(words);
    else if (verb === "mend") this.net.mendAll();
    else if (verb === "lose") this.losing = { type: words[0] ?? "", left: second };
    else throw new Error(`there is no command ${verb}`);
  }

  private open(nodes: number, settings: readonly string[]): void {
    const given = new Map(settings.map((setting) => [setting.split("=")[0], Number(setting.split("=")[1])]));
    this.net = new PulseNet({
      nodes,
      seed: given.get("seed") ?? 1,
      links: given.get("links") ?? 1,
      heartbeatIntervalMs: given.get("heartbeat") ?? 200,
      detectionTimeoutMs: given.get("timeout") ?? 1000,
    });
    this.net.onEvent = (event) => this.tellEvent(event);
    this.net.filter = (from, to, link, datagram) => this.tellDatagram(from, to, link, datagram);
  }

  private partition(words: readonly string[]): void {
    const bar = words.indexOf("|");
    this.net.partition(words.slice(0, bar).map(Number), words.slice(bar + 1).map(Number));
  }

  private say(words: string): void {
    this.lines.push(`${this.net.nowMs.toFixed(1).padStart(8)} ${words}`);
  }

  private tellEvent({ node, effect }: NetEvent): void {
    if (effect.type === "view") this.say(`${node} INSTALLS ${viewText(effect.view)}`);
    else if (effect.type === "note") this.say(`${node} notes: ${effect.text}`);
    else if (effect.type !== "deliver") this.say(`${node} ${effect.type}`);
  }

  /** Tells a heartbeat once to all, and only when it says something new; the rest as it is sent, on the first link. */
  private tellDatagram(from: number, to: number, link: number, datagram: Datagram): boolean {
    const lost = this.losing?.type === datagram.type && this.losing.left > 0;
    if (lost && this.losing !== undefined) this.losing.left -= 1;
    if (datagram.type === "heartbeat") {
      const heard = datagram.heard.map(({ id }) => id).join(" ") || "nobody";
      const words = `hears ${heard}, is in ${idText(datagram.view)}`;
      if (this.said.get(from) !== words) this.say(`${from} ${words}`);
      this.said.set(from, words);
    } else if (link === 0 || lost) {
      this.say(`${from} -> ${to} ${datagramText(datagram)}${lost ? " (lost)" : ""}`);
    }
    return !lost;
  }
}

function idText({ number, proposer }: View["id"]): string {
  return `${number}/${proposer}`;
}

function viewText({ id, members, departures }: View): string {
  const names = members.map((member) =>
    member.incarnation === 1 ? `${member.id}` : `${member.id}.${member.incarnation}`,
  );
  const gone = departures.map((departure) => `${departure.id} ${departure.cause}`);
  return `${idText(id)} { ${names.join(" ")} }${gone.length > 0 ? ` away: ${gone.join(", ")}` : ""}`;
}

function datagramText(datagram: Datagram): string {
  switch (datagram.type) {
    case "propose":
      return `propose ${idText(datagram.id)} { ${datagram.members.map(({ id }) => id).join(" ")} }`;
    case "refuse":
      return `refuse ${idText(datagram.id)}, promised ${datagram.promised}`;
    case "accept":
      return `accept ${idText(datagram.id)}`;
    case "install":
      return `install ${idText(datagram.view.id)}`;
    default:
      return datagram.type;
  }
}

for (const name of readdirSync(FOLDER)
  .filter((file) => file.endsWith(".txt") && !file.startsWith("cib-"))
  .sort()) {
  // The cases of a file are one conversation: each goes on where the one before ended, until `nodes` makes a new network.
  const conversation = new Conversation();
  goldenTests(fileURLToPath(new URL(name, FOLDER)), (input) => {
    const commands = input.split("\n").filter((line) => !line.startsWith("#"));
    return commands.flatMap((line) => [`> ${line}`, ...conversation.command(line.trim())]).join("\n");
  });
}
