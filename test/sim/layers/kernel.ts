// The kernel of a simulated node: how it is set up, what it finds on its disk, and how it stands alone where only membership
// and the replicated CIB are looked for, several times as fast as with services.

import { childNamed, type Element } from "../../../runtime/kernel/cib/element.ts";
import { createKernel, type Kernel, type KernelConfig } from "../../../runtime/kernel/kernel.ts";
import type { ConfigurationProblem, KernelEffect, KernelInput } from "../../../runtime/kernel/messages.ts";
import type { QuorumConfig } from "../../../runtime/kernel/quorum/votes.ts";
import { createConfigurationCheck, problemText } from "../../../runtime/model/validate.ts";
import type { NodeEffect, NodeInput } from "../../../runtime/services/messages.ts";
import { type ArbiterDials, REGISTER } from "../arbiter.ts";
import { kernelCheckers } from "../checkers/all.ts";
import { membersMissing } from "../checkers/whole.ts";
import type { NodeName } from "../configuration.ts";
import { quickHex } from "../hashes.ts";
import type { Layer } from "../layer.ts";
import type { Brain } from "../process.ts";
import type { World } from "../world.ts";

/** Membership, quorum and CIB; no services. */
export const kernelLayer: Layer = {
  name: "kernel",
  makeBrain(world, computer, _incarnation, initial) {
    const config = { self: computer.id, ...kernelConfig(world) };
    return new KernelAlone(createKernel(config, initial));
  },
  makeCheckers: () => kernelCheckers(membersMissing),
  whatIsMissing: membersMissing,
};

/** How every kernel is set up. */
export function kernelConfig({ names, planted, dials }: World): Omit<KernelConfig, "self"> {
  return {
    planted,
    quorum: (cib) => ({ ...quorumOf(cib, names, dials.arbiter), planted }),
    hash: quickHex,
    validateConfiguration: createJudge(),
  };
}

/** As in production: what is wrong with a document refuses it whole, and a change is checked by what it changes. */
function createJudge(): (next: Element, previous: Element) => ConfigurationProblem[] {
  const check = createConfigurationCheck();
  return (next, previous) => {
    const configuration = childNamed(next, "configuration");
    if (configuration === undefined) return [{ code: "empty", text: "There is no <configuration>." }];
    const problems = check(configuration, childNamed(previous, "configuration"));
    return problems.map((problem) => ({ code: problem.code, text: problemText(problem) }));
  };
}

/** One vote each, a majority decides; two nodes have two_node and wait_for_all. Fencing as the configuration says. */
function quorumOf(cib: Element, nodes: readonly NodeName[], arbiter: ArbiterDials | undefined): QuorumConfig {
  const resources = childNamed(childNamed(cib, "configuration"), "resources");
  return {
    nodes: nodes.map(({ id, name }) => ({ id, name, votes: 1 })),
    // An arbiter takes the place of two_node.
    twoNode: nodes.length === 2 && arbiter === undefined,
    waitForAll: arbiter?.waitForAll ?? nodes.length === 2,
    autoTieBreaker: false,
    fencing: resources?.children.some((child) => child.attributes["class"] === "stonith") ?? false,
    acceptLoss: false,
    ...(arbiter === undefined ? {} : { arbiter: REGISTER }),
  };
}

/** The kernel in the place of the node machine. */
class KernelAlone implements Brain {
  readonly #kernel: Kernel;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get chain() {
    return this.#kernel.chain;
  }

  deadlineMs(): number | undefined {
    return this.#kernel.deadlineMs();
  }

  step(input: NodeInput, nowMs: number): NodeEffect[] {
    if (input.type === "shutdown") return [{ type: "leave" }];
    const mapped = kernelInput(input);
    return mapped === undefined ? [] : this.#kernel.step(mapped, nowMs).flatMap(nodeEffect);
  }
}

function kernelInput(input: NodeInput): KernelInput | undefined {
  switch (input.type) {
    case "message":
      return isKernelMessage(input.message) ? { type: "message", from: input.from, message: input.message } : undefined;
    case "view":
      return { type: "view", view: input.view };
    case "tick":
    case "persisted":
    case "persist-failed":
    case "arbiter-outcome":
    case "change":
    case "start-override":
    case "wall-clock":
      return input;
    default:
      return undefined;
  }
}

type KernelInputMessage = Extract<KernelInput, { type: "message" }>["message"];

/** Only kernels speak in a cluster of kernels. */
function isKernelMessage(message: Extract<NodeInput, { type: "message" }>["message"]): message is KernelInputMessage {
  return "view" in message;
}

function nodeEffect(effect: KernelEffect): NodeEffect[] {
  switch (effect.type) {
    case "answer":
      return [{ type: "change-answer", requestId: effect.requestId, outcome: effect.outcome }];
    case "cib":
      return [{ type: "cib", cib: effect.cib }];
    case "note":
      return [
        { type: "event", event: { epochMs: 0, kind: "note", code: effect.code, text: effect.text, severity: "info" } },
      ];
    case "step-out":
      return [{ type: "leave" }, { type: "exit", code: 74, text: effect.text }];
    default:
      return [effect];
  }
}
