// The fence devices: a power switch for every computer. Switching takes time, fails, hangs, is claimed and not done, or done and denied;
// and after it was done the power may linger for a moment. Reading says what is true, or fails, or says "on" of what is off, or that it
// does not know. That it says "off" of what is on nobody can survive: only a planted device does that.

import type { DeviceCall, DeviceOutcome } from "../../runtime/services/calls.ts";
import type { DeviceDials } from "./dials.ts";
import type { EventQueue } from "./queue.ts";
import type { Random } from "./random.ts";

/** What a switch switches. */
export interface Outlet {
  readonly power: "on" | "off";
  switchPower(power: "on" | "off", why: string): void;
}

/** All devices; any node can reach them. */
export class Devices {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #dials: DeviceDials;
  readonly #outlets: ReadonlyMap<string, Outlet>;
  /** A fault makes every call fail. */
  failing = false;
  /** Faults are over. */
  honest = false;
  switchedOff = 0;

  constructor(queue: EventQueue, random: Random, dials: DeviceDials, outlets: ReadonlyMap<string, Outlet>) {
    this.#queue = queue;
    this.#random = random;
    this.#dials = dials;
    this.#outlets = outlets;
  }

  /** Performs one call; exactly one answer follows. The device works on when the node that asked has died. */
  perform(call: DeviceCall, answer: (outcome: DeviceOutcome) => void): void {
    const duration = this.#random.exponential(this.#dials.durationMs);
    const troubled = !this.honest;
    if ((troubled && this.#random.chance(this.#dials.hangRate)) || duration >= call.timeoutMs) {
      this.#queue.after(call.timeoutMs, () =>
        answer({ outcome: "timeout", reason: `${call.device.id} did not answer` }),
      );
      return;
    }
    const fails = troubled && (this.failing || this.#random.chance(this.#dials.failRate));
    this.#queue.after(duration, () => {
      if (fails) answer({ outcome: "error", reason: `${call.device.id} has failed, as it was to` });
      else answer(this.#outcome(call));
    });
  }

  #outcome(call: DeviceCall): DeviceOutcome {
    if (call.verb === "check") return { outcome: "done" };
    const outlet = this.#outlets.get(call.target ?? "");
    if (outlet === undefined) return { outcome: "error", reason: `${call.device.id} has no outlet for ${call.target}` };
    if (call.verb === "power") {
      if (this.#dials.readsOff) return { outcome: "power", power: "off" };
      if (!this.honest && this.#random.chance(this.#dials.misreadRate))
        return { outcome: "power", power: this.#random.pick(["on", "unknown"]) };
      return { outcome: "power", power: outlet.power };
    }
    const want = call.want ?? "off";
    const lies = !this.honest && this.#random.chance(this.#dials.lieRate);
    if (!lies && !(this.#dials.readsOff && want === "off")) {
      const lag = this.honest ? 0 : this.#random.exponential(this.#dials.lagMs);
      if (want === "off") this.switchedOff += 1;
      const act = () => outlet.switchPower(want, `by ${call.device.id}`);
      if (lag > 0) this.#queue.after(lag, act);
      else act();
    }
    if (!this.honest && this.#random.chance(this.#dials.denyRate))
      return { outcome: "error", reason: `${call.device.id} says that it cannot` };
    return { outcome: "done" };
  }
}
