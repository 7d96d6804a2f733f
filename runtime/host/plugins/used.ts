// Which plugins a CIB uses. Their processes are started as soon as the CIB says so: when one is needed for the first time, it
// may be in the midst of a failover.

import { childNamed, type Element } from "../../kernel/cib/element.ts";
import type { PluginReference } from "./types.ts";

const DEVICE_PREFIX = "systole:";

function collect(element: Element, found: Map<string, PluginReference>): void {
  const { class: kind, provider, type = "" } = element.attributes;
  if (kind === "ocf" && provider === "systole") found.set(`agent ${type}`, { kind: "resource-agent", name: type });
  if (kind === "stonith" && type.startsWith(DEVICE_PREFIX)) {
    found.set(`device ${type}`, { kind: "fence-device", name: type.slice(DEVICE_PREFIX.length) });
  }
  for (const child of element.children) collect(child, found);
}

/** The resources of a CIB, as one object that stays the same while they do. */
export function resourcesOf(cib: Element): Element | undefined {
  return childNamed(childNamed(cib, "configuration"), "resources");
}

/** The agents and fence devices that these resources name. */
export function usedPlugins(resources: Element): readonly PluginReference[] {
  const found = new Map<string, PluginReference>();
  collect(resources, found);
  return [...found.values()];
}
