// `systole resource …`: what people do with resources.

import type { Command } from "commander";
import type { CliIo } from "../io.ts";
import { changeVerb, family, nodeVerb } from "../options.ts";
import type { SessionOptions } from "../session.ts";

interface MoveFlags extends SessionOptions {
  readonly from?: string;
  readonly promoted?: true;
  readonly lifetime?: string;
}

/** The commands. */
export function resourceCommand(io: CliIo): Command {
  const work = () => import("./resource-work.ts");
  return family("resource", "start, stop, move and explain resources", [
    nodeVerb("list", "show all resources and where they run", ["systole resource list"]).action(
      async (options: SessionOptions) => (await work()).listResources(io, options),
    ),
    changeVerb("start", "let a resource run", ["systole resource start web"])
      .argument("<resource>", "its id")
      .action(async (id: string, options: SessionOptions) => (await work()).startResource(io, options, id)),
    changeVerb("stop", "stop a resource and keep it stopped", ["systole resource stop web"])
      .argument("<resource>", "its id")
      .action(async (id: string, options: SessionOptions) => (await work()).stopResource(io, options, id)),
    changeVerb("move", "move a resource to a node, or away from where it is", [
      "systole resource move web node2",
      "systole resource move web --lifetime PT1H",
    ])
      .argument("<resource>", "its id")
      .argument("[node]", "where it shall run; without it, anywhere but where it runs now")
      .option("--from <node>", "the node it shall leave, where it runs on several")
      .option("--promoted", "of a promotable clone: move its promoted instance")
      .option("--lifetime <duration>", "end of the move, after a time such as 30min or PT1H")
      .action(async (id: string, node: string | undefined, options: MoveFlags) =>
        (await work()).moveResource(io, options, id, node),
      ),
    changeVerb("clear", "take back what moves have left behind", ["systole resource clear web"])
      .argument("<resource>", "its id")
      .option("--node <node>", "only what concerns this node")
      .action(async (id: string, options: SessionOptions & { node?: string }) =>
        (await work()).clearResource(io, options, id),
      ),
    nodeVerb("cleanup", "forget failures, so that resources are looked at afresh", [
      "systole resource cleanup web",
      "systole resource cleanup --node node2",
    ])
      .argument("[resource]", "its id; all resources when none is named")
      .option("--node <node>", "only on this node")
      .action(async (id: string | undefined, options: SessionOptions & { node?: string }) =>
        (await work()).cleanupResource(io, options, id),
      ),
    nodeVerb("why", "say why a resource runs where it does, or does not run", ["systole resource why web"])
      .argument("<resource>", "its id")
      .action(async (id: string, options: SessionOptions) => (await work()).explainResource(io, options, id)),
  ]);
}
