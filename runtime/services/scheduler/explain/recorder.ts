// Takes note of reasons where decisions are made, when somebody asked for them. Without that there is no recorder at all.
//
// Scores are noted as differences: whoever changes a table of scores says afterwards why, and what differs from the table as it
// was known before is put down to that reason. So the noted contributions always add up to the score that decided.

import { INFINITY } from "../../../model/score.ts";
import type { TransitionGraph } from "../../transition.ts";
import { ABSENT, nodeUsable, scoreOf, usableIn } from "../node-table.ts";
import {
  type Action,
  type Cluster,
  type Colocation,
  type Location,
  type Node,
  ProbeMode,
  type Resource,
  type TicketConstraint,
} from "../state.ts";
import { currentNode, findNode, isClone, outermost, topResource } from "../tree.ts";
import { compareCapacities, releaseCapacity } from "../utilization.ts";
import { ActionNotes, layers } from "./action-notes.ts";
import { type PartOfConstraint, partsOfConstraints } from "./constraint-parts.ts";
import { capacityReason, kindReason } from "./kind-cause.ts";
import { idText, metaElement } from "./option-elements.ts";
import type { ParameterChange } from "./parameter-cause.ts";
import { promotionReason, promotionScoreReason } from "./promotion-cause.ts";
import {
  besideReason,
  dependentReason,
  failureReason,
  failuresReason,
  inWords,
  locationReason,
  nodeReason,
  placesOf,
  type Reason,
  roomReason,
  stickinessReason,
  targetRoleReason,
  ticketReason,
  withReason,
} from "./reason.ts";

/** What a reason did to the score of a resource on a node. */
export interface Contribution {
  readonly node: Node;
  /** Undefined when the node was not in question before. */
  readonly before: number | undefined;
  readonly after: number;
  readonly reason: Reason;
}

/** How a place was chosen. */
export interface Choice {
  readonly node: Node | undefined;
  /** Absent when the best score alone decided. */
  readonly tie?: Reason;
  /** The final scores by node index, ABSENT where a node was not in question. */
  readonly scores: readonly number[];
}

type Why = (resource: Resource, node: Node, better: boolean) => Reason;

/** See the head of the file. */
export class Recorder {
  readonly contributions = new Map<Resource, Contribution[]>();
  readonly choices = new Map<Resource, Choice>();
  /** Of a promotable clone's instances: why promoted, or why not. */
  readonly promotions = new Map<Resource, Reason>();
  readonly actions = new ActionNotes();
  /** What was found out about actions already. */
  readonly causes = new Map<Action, Reason>();
  readonly impossible = new Map<Action, Reason[]>();
  /** Of resources whose parameters are not those they run with. */
  readonly changed = new Map<Resource, ParameterChange>();
  /** What speaks for and against promoting an instance, beside its promotion score. */
  private readonly wishes = new Map<Resource, Reason[]>();
  private readonly inPlan = new Set<number>();
  private readonly cluster: () => Cluster;
  private parts: ReadonlyMap<string, PartOfConstraint> | undefined;
  private readonly known = new Map<Resource, readonly number[]>();

  constructor(cluster: () => Cluster) {
    this.cluster = cluster;
  }

  /** The plan is made: of what was meant to be in it, some may have been left out. */
  exported({ synapses }: TransitionGraph): void {
    for (const { action } of synapses) this.inPlan.add(action.id);
  }

  /** Why an action was left out although nothing else speaks against it; undefined when it is in the plan. */
  leftOut(action: Action): Reason | undefined {
    if (this.inPlan.has(action.id)) return undefined;
    const problem = this.cluster().problems.find(({ code }) => code === "order-circle" || code === "waits-for-nothing");
    const code = problem?.code ?? "left-out";
    const input = action.inputs.find((one) => one.graphed && !this.inPlan.has(one.first.id))?.first;
    const [constraint] = input === undefined ? [] : this.actions.constraintsBetween(input, action);
    const order = constraint === undefined ? "" : ` (${this.actions.kindOf(constraint)} ${constraint})`;
    const first = input === undefined ? "something" : `${input.task} of ${input.resource?.id ?? input.node?.name}`;
    const end = code === "order-circle" ? ", and orders run in a circle there" : ", which is not in the plan";
    return {
      code,
      text: `it would wait for ${first}${order}${end}`,
      resource: input?.resource?.id ?? action.resource?.id ?? "",
      ...(constraint === undefined ? {} : { constraint }),
    };
  }

  /** The constraint that a rule or set belongs to, and when its dates change what it says. */
  partOf(id: string): PartOfConstraint | undefined {
    this.parts ??= partsOfConstraints(this.cluster());
    return this.parts.get(id);
  }

  /** Puts all that changed in the scores of a resource and of what is in it down to a reason. */
  note(resource: Resource, why: Why): void {
    const { scores } = resource.allowed;
    const before = this.known.get(resource);
    for (let i = 0; i < scores.length; i += 1) {
      const after = scores[i] ?? ABSENT;
      const old = before?.[i] ?? ABSENT;
      const node = this.cluster().nodes[i];
      if (after === old || after === ABSENT || node === undefined) continue;
      const known = old === ABSENT ? undefined : old;
      if (known === undefined && this.isBeginning(node, after)) continue;
      this.put(resource, { node, before: known, after, reason: why(resource, node, after > (known ?? 0)) });
    }
    this.known.set(resource, scores.slice());
    for (const child of resource.children) this.note(child, why);
  }

  /** What nodes begin with, before anything speaks for or against them. */
  private isBeginning(node: Node, score: number): boolean {
    return score === node.baseScore || (score === 0 && this.cluster().properties.symmetric);
  }

  private put(resource: Resource, contribution: Contribution): void {
    const list = this.contributions.get(resource);
    if (list === undefined) this.contributions.set(resource, [contribution]);
    else list.push(contribution);
  }

  /** Scores were put back to what they were: what was noted since `marks` is no longer so. */
  takeBack(resource: Resource): void {
    this.known.set(resource, resource.allowed.scores.slice());
    const list = this.contributions.get(resource) ?? [];
    const scores = new Map<number, number>();
    const kept: Contribution[] = [];
    for (const entry of list) {
      const now = scoreOf(resource.allowed, entry.node);
      const reached = scores.get(entry.node.index) ?? entry.before;
      // The entries of a node lead from one score to the next; those behind the present score are taken back.
      if (reached === now && entry.after !== now) continue;
      scores.set(entry.node.index, entry.after);
      kept.push(entry);
    }
    this.contributions.set(resource, kept);
    for (const child of resource.children) this.takeBack(child);
  }

  location(location: Location): void {
    this.note(location.resource, (_resource, node) => {
      const score = location.nodes.find((entry) => entry.node === node)?.score ?? 0;
      return locationReason(this.cluster(), location, node, score);
    });
  }

  stickiness(resource: Resource): void {
    this.note(resource, stickinessReason);
  }

  failures(banned: Resource, failed: Resource): void {
    this.note(banned, (_resource, node) => failuresReason(this.cluster(), failed, node));
  }

  /** A result that cannot become better by trying again there. */
  hopeless(banned: Resource, failed: Resource): void {
    this.note(banned, (_resource, node) => {
      const found = failureReason(this.cluster(), failed, node);
      const text = found === undefined ? `it failed on ${node.name} for good` : `${found.text}, which does not pass`;
      return { ...found, code: "failed-for-good", text, node: node.name };
    });
  }

  ticket(resource: Resource, constraint: TicketConstraint): void {
    this.note(resource, () => ticketReason(constraint));
  }

  /** The dependent of a colocation looks at its primary. */
  placedWith(dependent: Resource, colocation: Colocation): void {
    const { primary, primaryRole, score } = colocation;
    const places = placesOf(primary, primaryRole);
    const clones = isClone(colocation.dependent) && isClone(primary);
    this.note(dependent, (part, node, better) => {
      const another = clones && score >= INFINITY && !better && places.includes(node);
      const beside = another ? besideReason(this.cluster(), colocation, part) : undefined;
      return beside ?? withReason(this.cluster(), colocation);
    });
  }

  /** The primary of a colocation hears the wishes of its dependent. */
  wanted(primary: Resource, colocation: Colocation): void {
    this.note(primary, (_resource, node, better) => dependentReason(this.cluster(), colocation, node, better));
  }

  /** A dependent that finds no instance to be with. */
  withoutPartner(dependent: Resource, colocation: Colocation): void {
    const scores = dependent.allowed.scores.slice();
    this.choices.set(dependent, { node: undefined, scores, tie: withReason(this.cluster(), colocation) });
    for (const child of dependent.children) this.withoutPartner(child, colocation);
  }

  /** An interleaved instance that finds none of what it is ordered after beside it. */
  alone(instance: Resource, first: Action, then: Action): void {
    const [constraint] = this.actions.constraintsBetween(first, then);
    const order = constraint === undefined ? "" : ` (order ${constraint}, interleaved)`;
    const text = `${first.resource?.id} has no instance beside it that it could follow${order}`;
    const tie = {
      code: "no-partner",
      text,
      ...(first.resource === undefined ? {} : { resource: first.resource.id }),
      ...(constraint === undefined ? {} : { constraint }),
    };
    const put = (part: Resource): void => {
      this.choices.set(part, { node: undefined, scores: part.allowed.scores.slice(), tie });
      part.children.forEach(put);
    };
    put(instance);
  }

  /** The resources are read: what is in their scores by now came with them, before anything spoke for or against a node. */
  laidDown(): void {
    for (const resource of this.cluster().resources) this.discovery(resource);
  }

  /** All that was laid down before places are sought: what else is in the scores by now came with the resource itself. */
  discovery(resource: Resource): void {
    this.note(resource, (part, node, better) => {
      const top = topResource(part);
      if (top.removed) return { code: "removed", text: "it is no longer configured", resource: part.id };
      const bundle = outermost(part);
      if (bundle.bundle !== undefined && better) {
        return { code: "bundle", text: `it belongs into the containers of ${bundle.id}`, resource: bundle.id };
      }
      if (bundle.bundle !== undefined && part !== bundle && !part.replicaContainer && !part.remoteConnection) {
        return { code: "bundle", text: `it runs inside of ${bundle.id} only`, resource: bundle.id };
      }
      if (part.exclusiveProbes || top.exclusiveProbes) return this.exclusive(part);
      return kindReason(part, node);
    });
  }

  private exclusive(resource: Resource): Reason {
    const location = layers(resource)
      .flatMap((part) => part.locations)
      .find(({ probe }) => probe === ProbeMode.Exclusive);
    const id = location === undefined ? undefined : (this.partOf(location.id)?.constraint ?? location.id);
    const which = id === undefined ? "" : `location ${id} with `;
    return {
      code: "discovery",
      text: `${which}resource-discovery=exclusive allows other nodes only`,
      ...(id === undefined ? {} : { constraint: id }),
    };
  }

  /** @param needed what it and those that go with it use up, or it alone */
  capacity(resource: Resource, needed: ReadonlyMap<string, string>): void {
    const limited = this.cluster().properties.placement !== "default";
    this.note(resource, (part, node) => (limited ? capacityReason(part, node, needed) : kindReason(part, node)));
  }

  because(resource: Resource, code: string, text: string, about: Partial<Reason> = {}): void {
    this.note(resource, () => ({ ...about, code, text }));
  }

  /** It waits for the node that it ran on. */
  locked(resource: Resource, node: Node, until: number | undefined): void {
    const seconds = until === undefined ? undefined : until - this.cluster().now;
    const ends = seconds === undefined ? "" : `, for ${inWords(seconds)} more`;
    this.note(resource, () => ({
      code: "shutdown-lock",
      text: `it waits for ${node.name}, which was shut down cleanly (shutdown-lock)${ends}`,
      option: "shutdown-lock",
      node: node.name,
      ...(seconds === undefined ? {} : { expiresInSeconds: seconds }),
    }));
  }

  /** It is not to run: because somebody said so, or because of what happened to it. */
  stopped(resource: Resource): void {
    this.note(resource, () => {
      const asked = targetRoleReason(this.cluster(), resource) ?? failureReason(this.cluster(), resource);
      const behind = resource.remoteConnection ? findNode(this.cluster(), resource.id) : undefined;
      const away = behind?.shutdown ? nodeReason(this.cluster(), behind) : undefined;
      return asked ?? away ?? { code: "stopped", text: "it is to be stopped", resource: resource.id };
    });
  }

  /** The best of the nodes was taken. */
  chose(resource: Resource, nodes: readonly Node[], preferred: Node | undefined): void {
    const { allowed } = resource;
    const scores = allowed.scores.slice();
    const chosen = resource.assigned;
    const tie = chosen === undefined ? undefined : this.tie(resource, nodes, chosen, preferred);
    this.choices.set(resource, { node: chosen, scores, ...(tie === undefined ? {} : { tie }) });
  }

  private tie(
    resource: Resource,
    nodes: readonly Node[],
    chosen: Node,
    preferred: Node | undefined,
  ): Reason | undefined {
    const score = scoreOf(resource.allowed, chosen);
    const equal = nodes.filter((node) => usableIn(resource.allowed, node) && scoreOf(resource.allowed, node) === score);
    const others = equal.filter((node) => node !== chosen).map((node) => node.name);
    if (others.length === 0) return undefined;
    const [code, why] = this.tieBreaker(resource, equal, chosen, preferred);
    return { code, text: `${others.join(" and ")} would do as well, but ${why}`, node: chosen.name };
  }

  /** What decides between equals. */
  private tieBreaker(
    resource: Resource,
    equal: readonly Node[],
    chosen: Node,
    preferred: Node | undefined,
  ): readonly [code: string, why: string] {
    const current = currentNode(resource);
    if (chosen === preferred && chosen === current) return ["tie-preferred", "it stays where it is"];
    if (chosen === current) return ["tie-current", `it is on ${chosen.name} already`];
    if (chosen === preferred) return ["tie-preferred", `it is meant for ${chosen.name}`];
    const { placement } = this.cluster().properties;
    const others = equal.filter((node) => node !== chosen);
    if (placement === "minimal") return ["tie-name", `${chosen.name} comes first by its name`];
    const whole = { ...chosen, utilization: new Map(chosen.utilization) };
    releaseCapacity(whole.utilization, resource);
    if (placement === "balanced" && others.every((node) => compareCapacities(whole, node) < 0)) {
      return ["tie-capacity", `${chosen.name} has more capacity left (placement-strategy balanced)`];
    }
    // The resource itself counts by now.
    const count = chosen.assignedCount - 1;
    const fewest = others.some((node) => node.assignedCount > count);
    return fewest
      ? ["tie-count", `${chosen.name} has fewer resources`]
      : ["tie-name", `${chosen.name} comes first by its name`];
  }

  /** A place that was not searched for. */
  placed(resource: Resource, code: string, text: string): void {
    const tie = { code, text };
    this.choices.set(resource, { node: resource.assigned, scores: resource.allowed.scores.slice(), tie });
  }

  /** What agents say of being promoted, as a wish for nodes. */
  promotionScores(instance: Resource): void {
    this.note(instance, (_resource, node) => promotionScoreReason(instance, node));
  }

  promotionLocation(instance: Resource, location: Location, node: Node, score: number): void {
    this.promotionSteps(instance).push(locationReason(this.cluster(), location, node, score));
  }

  promotionColocation(instance: Resource, colocation: Colocation, before: number): void {
    const reason = withReason(this.cluster(), colocation);
    this.promotionSteps(instance).push({ ...reason, score: instance.priority < before ? -INFINITY : colocation.score });
  }

  promotionTicket(clone: Resource, constraint: TicketConstraint): void {
    for (const child of clone.children) {
      this.promotionSteps(child).push({ ...ticketReason(constraint), score: -INFINITY });
    }
  }

  private promotionSteps(instance: Resource): Reason[] {
    const steps = this.wishes.get(instance) ?? [];
    this.wishes.set(instance, steps);
    return steps;
  }

  /** Whether an instance is promoted. */
  promotion(instance: Resource, chosen: boolean, room: boolean, frozen: boolean): void {
    const steps = this.promotionSteps(instance);
    const reason = promotionReason(this.cluster(), instance, steps, { chosen, room, frozen });
    this.promotions.set(instance, reason);
  }

  /** The clone's own table and room bound its instances. */
  noRoom(instance: Resource, perNode: number): void {
    this.note(instance, (_resource, node) => {
      const parent = instance.parent ?? instance;
      if (nodeUsable(node) && scoreOf(parent.allowed, node) >= 0) {
        return roomReason(parent.id, perNode, node);
      }
      const outer = this.contributions.get(parent)?.findLast((entry) => entry.node === node && entry.after < 0);
      if (outer === undefined && node.remoteKind) return kindReason(parent, node);
      return outer?.reason ?? { code: "clone-banned", text: `${parent.id} may not use ${node.name}`, node: node.name };
    });
  }

  tooMany(instance: Resource, total: number): void {
    const parent = instance.parent ?? topResource(instance);
    const element = metaElement(this.cluster(), parent, "clone-max");
    const text = `${parent.id} has all of its ${total} instances already (clone-max)${idText(element)}`;
    const about = { resource: parent.configId, option: "clone-max" };
    this.because(instance, "clone-max", text, element === undefined ? about : { ...about, element });
  }
}
