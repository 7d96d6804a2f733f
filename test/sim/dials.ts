// What makes one seed's world differ from another's: how large, how fast, how bad. Each dial is drawn from the seed, many
// of them from nothing at all to far worse than life, because bugs hide where two bad things meet.

import { type ArbiterDials, drawArbiter } from "./arbiter.ts";
import type { Random } from "./random.ts";

/** The network. All times in milliseconds. */
export interface NetworkDials {
  readonly links: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  /** How often a datagram is much later than others, and by how much in the mean. */
  readonly lateRate: number;
  readonly lateMs: number;
  readonly lossRate: number;
  readonly duplicateRate: number;
}

/** The disks. */
export interface DiskDials {
  readonly syncMs: number;
  /** How often a sync takes much longer, and how long then in the mean. */
  readonly slowRate: number;
  readonly slowMs: number;
  /** The product's own store on simulated files, instead of records. */
  readonly realStore: boolean;
  /** Planted: syncs nothing, so that the last records are lost with the power. The checkers must see it. */
  readonly forgetful: boolean;
}

/** Resource agents. */
export interface AgentDials {
  readonly durationMs: number;
  readonly failRate: number;
  readonly hangRate: number;
  /** A start or promote that says "done" and did nothing. */
  readonly lieRate: number;
  /** Planted: stops nothing, and says "stopped" of what runs. Nothing survives that; the checkers must see it. */
  readonly deniesRunning: boolean;
}

/** Fence devices. */
export interface DeviceDials {
  readonly durationMs: number;
  readonly failRate: number;
  readonly hangRate: number;
  /** Says "done" and has switched nothing. */
  readonly lieRate: number;
  /** Time from "done" until the power has really gone, in the mean. */
  readonly lagMs: number;
  /** How often it says "error" of what it has done, and reads "on" of what is off, or "unknown". */
  readonly denyRate: number;
  readonly misreadRate: number;
  /** Planted: reads "off" of what is on. */
  readonly readsOff: boolean;
}

/** Kinds of fault; each is a method of Faults. */
export const FAULT_KINDS = [
  "partition",
  "one-way-cut",
  "isolation",
  "link-down",
  "slow-path",
  "bad-weather",
  "crash",
  "crash-at-effect",
  "power-loss",
  "rack-loss",
  "blackout",
  "pause",
  "main-hang",
  "clock-jump",
  "disk-full",
  "disk-slow",
  "disk-fails",
  "store-lost",
  "bit-rot",
  "resource-dies",
  "agents-fail",
  "device-fails",
  "graceful-restart",
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** How recipients of alerts behave. */
export interface AlertDials {
  readonly durationMs: number;
  readonly failRate: number;
  readonly hangRate: number;
}

/** Everything that is drawn for a seed. */
export interface Dials {
  readonly nodes: number;
  readonly network: NetworkDials;
  readonly disk: DiskDials;
  readonly agents: AgentDials;
  readonly devices: DeviceDials;
  /** Absent: the cluster has none. */
  readonly arbiter?: ArbiterDials;
  /** Absent: nobody is told of anything. */
  readonly alerts?: AlertDials;
  /** Monitors that are due at nearly the same time start together. */
  readonly gatherMonitors: boolean;
  readonly heartbeatIntervalMs: number;
  readonly detectionTimeoutMs: number;
  readonly mainSilenceMs: number;
  /** Largest piece of a message; small, so that messages of a few bytes come in pieces. */
  readonly fragmentBytes: number;
  /** Between the two threads of a node. */
  readonly threadDelayMs: number;
  /** Clocks run within ± this share of the truth. */
  readonly clockDrift: number;
  readonly primitives: number;
  readonly stonithAction: "off" | "reboot";
  readonly noQuorumPolicy: "stop" | "freeze";
  readonly faultIntervalMs: number;
  /** Factor on how long faults last. */
  readonly faultLength: number;
  readonly faultWeights: Readonly<Record<FaultKind, number>>;
  readonly changeIntervalMs: number;
  /** How long before a crashed process is started again, and a computer switched on again, in the mean. */
  readonly restartMs: number;
  readonly powerOnMs: number;
}

/** Sizes with an arbiter: only where a cluster can be cut into halves it has something to do. */
const SIZES_WITH_ARBITER = [2, 2, 2, 4, 4, 4, 6, 8] as const;

/** A world whose size is even, with an arbiter, and with more cuts. */
export function drawDialsWithArbiter(random: Random, nodes: number | undefined): Dials {
  const chance = random.fork("arbiter");
  const dials = drawDials(random, nodes ?? chance.pick(SIZES_WITH_ARBITER));
  const faultWeights = { ...dials.faultWeights, partition: Math.max(dials.faultWeights.partition, chance.fraction()) };
  return { ...dials, faultWeights, arbiter: drawArbiter(chance) };
}

/** Draws a world. `nodes` fixes its size. */
export function drawDials(random: Random, nodes: number | undefined): Dials {
  const weights: Record<string, number> = {};
  // Each seed has a few kinds of fault in abundance and some not at all.
  for (const kind of FAULT_KINDS) {
    const weight = random.chance(0.25) ? 0 : random.fraction();
    weights[kind] = weight * weight;
  }
  const weightOf = (kind: FaultKind, most = 1): number => Math.min(most, weights[kind] ?? 0);
  const services = random.fork("services");
  return {
    nodes: nodes ?? Math.min(16, 3 + Math.floor(random.exponential(3))),
    network: {
      links: random.pick([1, 1, 2, 2, 3]),
      delayMs: random.between(0.05, 2),
      jitterMs: random.between(0.01, 5),
      lateRate: random.seldom(0.05),
      lateMs: random.between(5, 300),
      lossRate: random.seldom(0.2),
      duplicateRate: random.seldom(0.1),
    },
    disk: {
      syncMs: random.between(0.1, 8),
      slowRate: random.seldom(0.1),
      slowMs: random.between(10, 500),
      realStore: random.chance(0.2),
      forgetful: false,
    },
    agents: {
      durationMs: random.between(5, 800),
      failRate: random.seldom(0.1),
      hangRate: random.seldom(0.02),
      lieRate: random.seldom(0.02),
      deniesRunning: false,
    },
    devices: {
      durationMs: random.between(20, 2000),
      failRate: random.seldom(0.5),
      hangRate: random.seldom(0.1),
      lieRate: random.seldom(0.5),
      lagMs: random.seldom(4000),
      denyRate: random.seldom(0.3),
      misreadRate: random.seldom(0.3),
      readsOff: false,
    },
    ...(services.chance(0.3) ? { alerts: drawAlerts(services) } : {}),
    gatherMonitors: services.chance(0.5),
    heartbeatIntervalMs: 200,
    detectionTimeoutMs: 1000,
    mainSilenceMs: 3000,
    fragmentBytes: random.pick([16, 32, 64]),
    threadDelayMs: random.pick([0, 0.05, 1]),
    clockDrift: random.seldom(0.001),
    primitives: random.integer(6, 9),
    stonithAction: random.pick(["off", "reboot"]),
    noQuorumPolicy: random.pick(["stop", "stop", "freeze"]),
    faultIntervalMs: random.between(3_000, 9_000),
    faultLength: random.pick([0.5, 1, 1, 1, 3, 10]),
    faultWeights: {
      partition: weightOf("partition"),
      "one-way-cut": weightOf("one-way-cut"),
      isolation: weightOf("isolation"),
      "link-down": weightOf("link-down"),
      "slow-path": weightOf("slow-path"),
      "bad-weather": weightOf("bad-weather"),
      crash: weightOf("crash"),
      "crash-at-effect": weightOf("crash-at-effect"),
      "power-loss": weightOf("power-loss"),
      "rack-loss": weightOf("rack-loss", 0.3),
      blackout: weightOf("blackout", 0.1),
      pause: weightOf("pause"),
      "main-hang": weightOf("main-hang"),
      "clock-jump": weightOf("clock-jump"),
      "disk-full": weightOf("disk-full", 0.3),
      "disk-slow": weightOf("disk-slow"),
      "disk-fails": weightOf("disk-fails", 0.3),
      "store-lost": weightOf("store-lost", 0.3),
      "bit-rot": weightOf("bit-rot", 0.3),
      "resource-dies": weightOf("resource-dies"),
      "agents-fail": weightOf("agents-fail", 0.5),
      "device-fails": weightOf("device-fails", 0.5),
      "graceful-restart": weightOf("graceful-restart", 0.5),
    },
    /* At least a hundred in a lifetime. */
    changeIntervalMs: random.between(800, 2_200),
    restartMs: random.between(500, 8_000),
    powerOnMs: random.between(3_000, 30_000),
  };
}

function drawAlerts(random: Random): AlertDials {
  return { durationMs: random.between(5, 2_000), failRate: random.seldom(0.5), hangRate: random.seldom(0.1) };
}

/** Pairs that take one another for dead although nothing is wrong but the network: one in so long is no reason not to settle. */
const FALSE_ALARM_MS = 600_000;

/**
 * The share of lost datagrams with which a cluster can be whole. A pair takes one another for dead when every heartbeat of the detection
 * timeout is lost on every link; where each fifth datagram is lost on a single link, some pair of eleven nodes does so every few seconds,
 * and no membership can hold for long. That is a fault like others, and as such it ends.
 */
export function bearableLossRate({ nodes, network, heartbeatIntervalMs, detectionTimeoutMs }: Dials): number {
  const beats = Math.floor(detectionTimeoutMs / heartbeatIntervalMs);
  const chances = nodes * (nodes - 1) * (FALSE_ALARM_MS / heartbeatIntervalMs);
  return Math.exp(-Math.log(chances) / (beats * network.links));
}
