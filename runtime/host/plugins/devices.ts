// Performs DeviceCalls: finds the fence device's plugin, reads its parameters, reads or switches, and says what came of it.

import type { DeviceCall, DeviceOutcome } from "../../services/calls.ts";
import { errorText } from "../errors.ts";
import type { CallPlan } from "./calls.ts";
import { createInstance, type Instance, type InstanceSurroundings } from "./instance.ts";
import { oneLine } from "./plugin-error.ts";
import type { Residents } from "./sandbox/residents.ts";

const PREFIX = "systole:";

/** The plan of a device call. */
export function planDeviceCall(
  call: DeviceCall,
  plugins: Pick<Residents, "load">,
  around: InstanceSurroundings,
): CallPlan<DeviceOutcome> {
  const error = (reason: string): DeviceOutcome => ({ outcome: "error", reason });
  return {
    kind: "device",
    id: call.id,
    subject: call.device.id,
    plugin: call.device.type,
    verb: call.verb,
    timeoutMs: call.timeoutMs,
    perform: (signal) => performDeviceCall(call, plugins, around, signal),
    failed: (thrown) => error(errorText(thrown)),
    late: (reason) => ({ outcome: "timeout", reason }),
    givenUp: error,
  };
}

async function performDeviceCall(
  call: DeviceCall,
  plugins: Pick<Residents, "load">,
  around: InstanceSurroundings,
  signal: AbortSignal,
): Promise<DeviceOutcome> {
  const { device } = call;
  if (!device.type.startsWith(PREFIX)) {
    return {
      outcome: "error",
      reason: `${device.id}: this release runs fence devices of type ${PREFIX}NAME only, not ${device.type}. \`systole plugin list\` shows what there is.`,
    };
  }
  let instance: Instance | undefined;
  try {
    const { manifest, resident } = await plugins.load("fence-device", device.type.slice(PREFIX.length));
    instance = createInstance(manifest, device.id, device.parameters, around);
    const ctx = instance.context(signal);
    if (call.verb === "check") {
      if (manifest.functions.includes("check")) await resident.call("check", [], 0, ctx);
      return { outcome: "done" };
    }
    if (call.target === undefined) return { outcome: "error", reason: `${device.id}: ${call.verb} needs a target.` };
    if (call.verb === "setPower") {
      if (call.want === undefined) return { outcome: "error", reason: `${device.id}: setPower needs on or off.` };
      await resident.call("setPower", [call.target, call.want], 2, ctx);
      return { outcome: "done" };
    }
    const power = await resident.call("power", [call.target], 1, ctx);
    if (power === "on" || power === "off" || power === "unknown") return { outcome: "power", power };
    return {
      outcome: "error",
      reason: `Fence device ${manifest.name} read ${oneLine(JSON.stringify(power) ?? "nothing", 80)}, which is no power state; this is a bug of the plugin.`,
    };
  } catch (error) {
    return { outcome: "error", reason: instance?.redact(errorText(error)) ?? errorText(error) };
  }
}
