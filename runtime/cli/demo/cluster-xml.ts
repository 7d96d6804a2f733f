// The configuration that the demonstration gives to its cluster, as an operator would with `systole cib apply`.

import { escapeXml } from "../../compat/xml.ts";

/** What differs from run to run. */
export interface DemoSettings {
  readonly nodes: readonly { readonly id: number; readonly name: string }[];
  readonly webAddress: string;
  readonly webPort: number;
  /** The program that serves `web`, and the Node executable that runs it. */
  readonly nodeProgram: string;
  readonly webProgram: string;
  /** Name of the environment variable that every process of a node carries, with `PREFIX/NODE` as its value. */
  readonly powerMarker: string;
  readonly powerPrefix: string;
}

function attribute(owner: string, name: string, value: string): string {
  return `<nvpair id="${owner}-${name}" name="${name}" value="${escapeXml(value)}"/>`;
}

function attributes(tag: string, owner: string, values: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(values).map(([name, value]) => attribute(owner, name, value));
  return `<${tag} id="${owner}">${pairs.join("")}</${tag}>`;
}

function operation(resource: string, name: string, interval: string, timeout: string, role?: string): string {
  const suffix = role === undefined ? "" : `-${role}`;
  const roleText = role === undefined ? "" : ` role="${role}"`;
  return `<op id="${resource}-${name}-${interval}${suffix}" name="${name}" interval="${interval}" timeout="${timeout}"${roleText}/>`;
}

function dummy(id: string): string {
  return (
    `<primitive id="${id}" class="ocf" provider="systole" type="dummy">` +
    `<operations>${operation(id, "monitor", "10s", "20s")}</operations></primitive>`
  );
}

/** The <configuration> of the demonstration: fencing, a web server, a group on the promoted database, two clones. */
export function demoConfiguration(settings: DemoSettings): string {
  const { nodes, webAddress, webPort } = settings;
  const url = `http://${webAddress}:${webPort}/`;
  const web = attributes("instance_attributes", "web-parameters", {
    program: settings.nodeProgram,
    arguments: `"${settings.webProgram}" ${webAddress} ${webPort}`,
    readyUrl: url,
  });
  const power = attributes("instance_attributes", "power-parameters", {
    marker: settings.powerMarker,
    value: `${settings.powerPrefix}/{node}`,
    pcmk_host_list: nodes.map((node) => node.name).join(" "),
  });
  return `<configuration>
  <crm_config>${attributes("cluster_property_set", "options", {
    "stonith-enabled": "true",
    "stonith-action": "off",
    "no-quorum-policy": "stop",
  })}</crm_config>
  <nodes>${nodes.map((node) => `<node id="${node.id}" uname="${node.name}"/>`).join("")}</nodes>
  <resources>
    <primitive id="power" class="stonith" type="systole:process-power">${power}
      <operations>${operation("power", "monitor", "60s", "20s")}</operations></primitive>
    <primitive id="web" class="ocf" provider="systole" type="process">${web}
      ${attributes("meta_attributes", "web-meta", { "resource-stickiness": "100", priority: "10" })}
      <operations>${operation("web", "start", "0s", "20s")}${operation("web", "stop", "0s", "20s")}${operation("web", "monitor", "2s", "5s")}</operations></primitive>
    <group id="shop">${dummy("catalogue")}${dummy("basket")}</group>
    <clone id="cache-everywhere">${dummy("cache")}</clone>
    <clone id="database-everywhere">${attributes("meta_attributes", "database-everywhere-meta", { promotable: "true" })}
      <primitive id="database" class="ocf" provider="systole" type="stateful">
        <operations>${operation("database", "monitor", "10s", "20s", "Unpromoted")}${operation("database", "monitor", "9s", "20s", "Promoted")}</operations></primitive></clone>
  </resources>
  <constraints>
    <rsc_location id="web-likes-the-second-node" rsc="web" node="${nodes[1]?.name ?? ""}" score="50"/>
    <rsc_colocation id="shop-with-database" rsc="shop" with-rsc="database-everywhere" with-rsc-role="Promoted" score="INFINITY"/>
    <rsc_order id="database-then-shop" first="database-everywhere" first-action="promote" then="shop" then-action="start"/>
  </constraints>
</configuration>
`;
}
