// Commands about nodes and the whole cluster: standby, online, maintenance, attributes, properties, fencing, stopping.

import { type Command, Option } from "commander";
import type { CliIo } from "../io.ts";
import { changeVerb, family, nodeVerb } from "../options.ts";
import type { SessionOptions } from "../session.ts";

const work = () => import("./nodes-work.ts");

/** standby, online, maintenance, stop. */
export function nodeCommands(io: CliIo): Command[] {
  return [
    changeVerb("standby", "move everything off a node and keep it empty", ["systole standby node2"])
      .argument("[node]", "its name; the node that answers when none is named")
      .action(async (node: string | undefined, options: SessionOptions) => (await work()).standby(io, options, node)),
    changeVerb("online", "let a node run resources again", ["systole online node2"])
      .argument("[node]", "its name; the node that answers when none is named")
      .action(async (node: string | undefined, options: SessionOptions) => (await work()).online(io, options, node)),
    changeVerb("maintenance", "neither start, stop nor monitor resources, on a node or everywhere", [
      "systole maintenance on",
      "systole maintenance off --node node2",
    ])
      .argument("<on|off>", "what shall hold")
      .option("--node <node>", "only this node; without it, the whole cluster")
      .action(async (state: string, options: SessionOptions & { node?: string }) =>
        (await work()).maintenance(io, options, state),
      ),
    nodeVerb("stop", "stop the node that answers: its resources move away, it leaves, its process ends", [
      "systole stop",
      "systole stop --no-wait",
    ])
      .option("--no-wait", "return at once instead of when the process has ended")
      .action(async (options: SessionOptions & { wait: boolean }) => (await work()).stopNode(io, options)),
  ];
}

interface AttributeFlags extends SessionOptions {
  readonly transient?: true;
  readonly dampening?: string;
}

/** attribute get, set, delete. */
export function attributeCommand(io: CliIo): Command {
  const transient = (): Option =>
    new Option("--transient", "one that is forgotten when the node leaves, instead of one in the configuration");
  const dampening = (): Option =>
    new Option(
      "--dampening <duration>",
      "with --transient: wait this long, so that changes of several nodes count at once",
    );
  return family("attribute", "attributes of nodes, which rules and constraints may ask about", [
    nodeVerb("get", "show the attributes of a node", [
      "systole attribute get node1",
      "systole attribute get node1 rack",
    ])
      .argument("<node>", "its name")
      .argument("[name]", "only this one; its value alone is printed")
      .action(async (node: string, name: string | undefined, options: SessionOptions) =>
        (await work()).getAttributes(io, options, node, name),
      ),
    changeVerb("set", "set an attribute of a node", ["systole attribute set node1 rack r7"])
      .argument("<node>", "its name")
      .argument("<name>", "what it is called")
      .argument("<value>", "what it shall be")
      .addOption(transient())
      .addOption(dampening())
      .action(async (node: string, name: string, value: string, options: AttributeFlags) =>
        (await work()).setAttribute(io, options, node, name, value),
      ),
    changeVerb("delete", "delete an attribute of a node", ["systole attribute delete node1 rack"])
      .argument("<node>", "its name")
      .argument("<name>", "what it is called")
      .addOption(transient())
      .addOption(dampening())
      .action(async (node: string, name: string, options: AttributeFlags) =>
        (await work()).setAttribute(io, options, node, name, undefined),
      ),
  ]);
}

/** property get, set, delete. */
export function propertyCommand(io: CliIo): Command {
  return family("property", "properties of the whole cluster", [
    nodeVerb("get", "show the properties that are set", [
      "systole property get",
      "systole property get stonith-enabled",
    ])
      .argument("[name]", "only this one; its value alone is printed")
      .action(async (name: string | undefined, options: SessionOptions) =>
        (await work()).getProperties(io, options, name),
      ),
    changeVerb("set", "set a property", ["systole property set no-quorum-policy stop"])
      .argument("<name>", "what it is called")
      .argument("<value>", "what it shall be")
      .option("--force", "also one that nothing knows")
      .action(async (name: string, value: string, options: SessionOptions & { force?: true }) =>
        (await work()).setProperty(io, options, name, value),
      ),
    changeVerb("delete", "delete a property, so that its default holds", ["systole property delete batch-limit"])
      .argument("<name>", "what it is called")
      .action(async (name: string, options: SessionOptions) =>
        (await work()).setProperty(io, options, name, undefined),
      ),
  ]);
}

/** fence, and fence confirm. */
export function fenceCommand(io: CliIo): Command {
  const confirm = nodeVerb("confirm", "say that you have seen a node without power, where no fence device can tell", [
    "systole fence confirm node3",
  ])
    .argument("<node>", "its name")
    .option("--yes", "do not ask")
    .action(async (node: string, _options: object, command: Command) =>
      (await work()).confirmFence(io, command.optsWithGlobals<SessionOptions & { yes?: true }>(), node),
    );
  return nodeVerb("fence", "switch a node's power through its fence devices, and read that it is off", [
    "systole fence node3",
    "systole fence node3 --action reboot --yes",
  ])
    .argument("<node>", "its name")
    .addOption(new Option("--action <action>", "what to do").choices(["off", "reboot", "on"]).default("off"))
    .option("--yes", "do not ask")
    .action(async (node: string, options: SessionOptions & { action: "off" | "reboot" | "on"; yes?: true }) =>
      (await work()).fence(io, options, node),
    )
    .addCommand(confirm);
}
