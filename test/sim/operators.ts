// The operators: people and programs that change the configuration while everything else goes wrong. Each change carries an
// id; where the answer is unknown or does not come, the same id is asked again, often of another node, as a careful client does.

import type { Element } from "../../runtime/kernel/cib/element.ts";
import { element } from "../../runtime/kernel/cib/element.ts";
import type { ChangeOutcome, ChangeRequest, CibEdit, CibPath } from "../../runtime/kernel/messages.ts";
import type { ServiceRequest } from "../../runtime/services/messages.ts";
import { fullConfiguration, primitiveNames, REGISTER_PATH, REGISTERS, registerElement } from "./configuration.ts";
import type { RegisterWrite } from "./observations.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

/** After this without an answer a client asks again. */
const CLIENT_PATIENCE_MS = 12_000;
/** A request that has no answer after this never has an effect: the kernel's request timeout, and a little. */
const LATE_REQUESTS_MS = 11_000;
/** So many of the requests are sent twice at once. */
const IMPATIENT = 0.03;
/** Between two attempts. */
const RETRY_MS = 700;
/** A client that was disappointed so often gives up: its change may be in or not. */
const MAX_ATTEMPTS = 12;
/** What must be done in the end is tried without such a bound, until the run ends. */
const MAX_ATTEMPTS_OF_REPAIR = 1_000;
/** So often somebody looks whether a cluster that was never founded is founded now. */
const RECOVERY_INTERVAL_MS = 5_000;

interface Wish {
  readonly request: ChangeRequest;
  readonly maxAttempts: number;
  attempts: number;
  answered: boolean;
  readonly done: ((outcome: ChangeOutcome) => void) | undefined;
}

/** What operators do, and how often in proportion. */
const DEEDS = {
  register: 60,
  standby: 6,
  online: 8,
  stop: 5,
  start: 7,
  move: 5,
  clear: 5,
  maintenance: 1,
  cleanup: 3,
  fence: 0.5,
} as const;
type Deed = keyof typeof DEEDS;

/** All clients of one cluster. */
export class Operators {
  readonly #world: World;
  readonly #random: Random;
  readonly #wishes = new Map<string, Wish>();
  #next = 1;
  #active = false;
  #configured = false;
  /** What was insisted on before the repair is given up by it. */
  #repairing = false;
  asked = 0;
  done = 0;
  refused = 0;
  /** What was done for a while has been undone. */
  repaired = false;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
  }

  /** Applies the configuration of the new cluster, and goes on from there. */
  begin(): void {
    this.#configure(() => {
      this.#active = true;
      this.#later();
    });
  }

  #configure(then: () => void): void {
    const full = fullConfiguration(this.#world.dials, this.#world.names, this.#random.fork("configuration"));
    this.#insist("the first configuration", [{ edit: "replace-configuration", element: full }], () => {
      this.#configured = true;
      then();
    });
  }

  /**
   * No more deeds; what was done for a while is undone, so that everything may run. Not before every request that is still on its way has
   * had its answer or its end: a late "stop" would be in force for ever.
   */
  repair(): void {
    this.#active = false;
    this.#repairing = true;
    for (const wish of this.#wishes.values()) wish.answered = true;
    this.#wishes.clear();
    this.#world.queue.after(LATE_REQUESTS_MS, () => {
      this.#recover();
      if (this.#configured) this.#undo();
      else this.#configure(() => this.#undo());
    });
  }

  /**
   * Where a store was lost while the cluster was founded, nobody but the operator can know that nothing had been acknowledged yet: `systole
   * cib recover --accept-loss`. Once a view was primary no operator says that here: what was acknowledged is never to be given up.
   */
  #recover(): void {
    if (this.#world.founded) return;
    const alive = this.#world.nodes.filter((node) => node.life !== undefined);
    if (alive.length === this.#world.nodes.length) this.#random.pick(alive).life?.input({ type: "start-override" });
    this.#world.queue.after(RECOVERY_INTERVAL_MS, () => this.#recover());
  }

  #undo(): void {
    const edits: CibEdit[] = [];
    for (const { id } of this.#world.names) edits.push(property(standbyPath(id), "standby", "off"));
    edits.push(property(MAINTENANCE_PATH, "maintenance-mode", "false"));
    for (const id of primitiveNames(this.#world.dials)) edits.push(property(rolePath(id), "target-role", "Started"));
    this.#insist("undo standby, maintenance and stops", edits, () => {
      this.#cleanup();
      this.repaired = true;
    });
  }

  answered(requestId: string, outcome: ChangeOutcome): void {
    this.#world.observe({ seen: "change-answered", requestId, outcome });
    const wish = this.#wishes.get(requestId);
    if (wish === undefined || wish.answered) return;
    if (outcome.outcome === "unknown") {
      this.#world.queue.after(RETRY_MS, () => this.#ask(wish));
      return;
    }
    wish.answered = true;
    this.#wishes.delete(requestId);
    if (outcome.outcome === "done") this.done += 1;
    else this.refused += 1;
    wish.done?.(outcome);
  }

  #later(): void {
    this.#world.queue.after(this.#random.exponential(this.#world.dials.changeIntervalMs), () => {
      if (!this.#active) return;
      const deed = this.#random.weighted(DEEDS);
      if (deed !== undefined) this.#do(deed);
      this.#later();
    });
  }

  /** Asked until it is done: a refusal (no quorum just now) is answered with a new request. */
  #insist(why: string, edits: readonly CibEdit[], then: () => void): void {
    const before = this.#repairing;
    const again = (outcome: ChangeOutcome) => {
      if (outcome.outcome === "done") then();
      else
        this.#world.queue.after(RETRY_MS, () => {
          if (before === this.#repairing) this.#insist(why, edits, then);
        });
    };
    this.#wish(why, edits, undefined, again, MAX_ATTEMPTS_OF_REPAIR);
  }

  #wish(
    why: string,
    edits: readonly CibEdit[],
    register: RegisterWrite | undefined,
    done?: (outcome: ChangeOutcome) => void,
    maxAttempts = MAX_ATTEMPTS,
  ): void {
    const id = `change-${this.#next}`;
    this.#next += 1;
    const request: ChangeRequest = { id, edits, who: "operator", why };
    const wish: Wish = { request, attempts: 0, answered: false, done, maxAttempts };
    this.#wishes.set(id, wish);
    this.asked += 1;
    this.#world.observe({ seen: "change-asked", request, register });
    this.#ask(wish);
  }

  #ask(wish: Wish): void {
    if (wish.answered) return;
    if (wish.attempts >= wish.maxAttempts) {
      this.#wishes.delete(wish.request.id);
      return;
    }
    wish.attempts += 1;
    const attempt = wish.attempts;
    const reachable = this.#world.nodes.filter((node) => node.life !== undefined);
    if (reachable.length > 0) {
      // Some clients cannot wait, and ask two nodes at once.
      const asked = Array.from({ length: this.#random.chance(IMPATIENT) ? 2 : 1 }, () => this.#random.pick(reachable));
      for (const node of asked) this.#world.observe({ seen: "change-sent", requestId: wish.request.id, node });
      for (const node of asked) node.life?.input({ type: "change", request: wish.request });
    }
    this.#world.queue.after(reachable.length > 0 ? CLIENT_PATIENCE_MS : RETRY_MS, () => {
      if (wish.attempts === attempt) this.#ask(wish);
    });
  }

  #do(deed: Deed): void {
    const { names, dials } = this.#world;
    const node = this.#random.pick(names);
    const resource = this.#random.pick(primitiveNames(dials));
    switch (deed) {
      case "register":
        this.#writeRegister();
        return;
      case "standby":
      case "online": {
        const value = deed === "standby" ? "on" : "off";
        this.#wish(`${deed} ${node.name}`, [property(standbyPath(node.id), "standby", value)], undefined);
        return;
      }
      case "stop":
      case "start": {
        const value = deed === "stop" ? "Stopped" : "Started";
        this.#wish(`${deed} ${resource}`, [property(rolePath(resource), "target-role", value)], undefined);
        return;
      }
      case "move":
        this.#wish(
          `move ${resource} to ${node.name}`,
          [{ edit: "put", parent: CONSTRAINTS, element: preference(resource, node.name) }],
          undefined,
        );
        return;
      case "clear":
        this.#wish(
          `clear ${resource}`,
          [{ edit: "delete", path: [...CONSTRAINTS, { name: "rsc_location", id: `cli-prefer-${resource}` }] }],
          undefined,
        );
        return;
      case "maintenance":
        this.#maintain();
        return;
      case "cleanup":
        this.#cleanup();
        return;
      case "fence":
        this.#request({
          id: `fence-${this.#next}`,
          request: "fence",
          node: node.name,
          action: "reboot",
          who: "operator",
        });
        return;
    }
  }

  #writeRegister(): void {
    const register = this.#random.integer(0, REGISTERS - 1);
    const value = this.#next;
    const edit: CibEdit = { edit: "put", parent: REGISTER_PATH, element: registerElement(register, value) };
    this.#wish(`register ${register} = ${value}`, [edit], { register, value });
  }

  #maintain(): void {
    this.#wish("maintenance on", [property(MAINTENANCE_PATH, "maintenance-mode", "true")], undefined);
    this.#world.queue.after(this.#random.between(1_000, 15_000), () => {
      this.#insist("maintenance off", [property(MAINTENANCE_PATH, "maintenance-mode", "false")], () => {});
    });
  }

  #cleanup(): void {
    const id = `cleanup-${this.#next}`;
    this.#request({ id, request: "cleanup", who: "operator" });
  }

  /** Asked once: nobody waits for what comes of it. */
  #request(request: ServiceRequest): void {
    const alive = this.#world.nodes.filter((node) => node.life !== undefined);
    if (alive.length === 0) return;
    this.#next += 1;
    this.#random.pick(alive).life?.input({ type: "request", request });
  }
}

const CONSTRAINTS: CibPath = [{ name: "configuration" }, { name: "constraints" }];

const MAINTENANCE_PATH: CibPath = [
  { name: "configuration" },
  { name: "crm_config" },
  { name: "cluster_property_set", id: "options" },
  { name: "nvpair", id: "options-maintenance-mode" },
];

function standbyPath(node: number): CibPath {
  return [
    { name: "configuration" },
    { name: "nodes" },
    { name: "node", id: `${node}` },
    { name: "instance_attributes", id: `nodes-${node}` },
    { name: "nvpair", id: `nodes-${node}-standby` },
  ];
}

function rolePath(resource: string): CibPath {
  return [
    { name: "configuration" },
    { name: "resources" },
    { name: "primitive", id: resource },
    { name: "meta_attributes", id: `${resource}-role` },
    { name: "nvpair", id: `${resource}-role-target-role` },
  ];
}

function property(path: CibPath, name: string, value: string): CibEdit {
  return { edit: "set", path, attributes: { name, value } };
}

function preference(resource: string, node: string): Element {
  return element("rsc_location", {
    id: `cli-prefer-${resource}`,
    rsc: resource,
    role: "Started",
    node,
    score: "INFINITY",
  });
}
