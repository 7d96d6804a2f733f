// A cluster of any size to plan for: a third of the resources are primitives that prefer a node, a third are in groups of three
// that hang together in rows of four, the rest follow clones. Everything runs, and the last node has just failed.

const CLONES = 3;
const GROUP = 3;
const ROW = 4;
const NOW = 1_700_000_000;
const COORDINATOR = "00000000-0000-0000-0000-000000000000";

interface Configuration {
  readonly resources: string[];
  readonly constraints: string[];
  /** Resource and the number of the node where it runs. */
  readonly places: [string, number][];
}

function primitive(id: string): string {
  return `<primitive id="${id}" class="ocf" provider="heartbeat" type="Dummy"><operations><op id="${id}-m" name="monitor" interval="10s" timeout="20s"/></operations></primitive>`;
}

function addSingles(to: Configuration, nodes: number, count: number): void {
  for (let i = 0; i < count; i += 1) {
    const id = `single-${i}`;
    to.resources.push(primitive(id));
    to.constraints.push(`<rsc_location id="prefer-${id}" rsc="${id}" node="node-${i % nodes}" score="100"/>`);
    to.places.push([id, i % nodes]);
  }
}

function addGroups(to: Configuration, nodes: number, count: number): void {
  for (let i = 0; i * GROUP < count; i += 1) {
    const id = `group-${i}`;
    const members = Array.from({ length: GROUP }, (_, member) => `${id}-${member}`);
    to.resources.push(`<group id="${id}">${members.map(primitive).join("")}</group>`);
    for (const member of members) to.places.push([member, Math.floor(i / ROW) % nodes]);
    if (i % ROW === 0) continue;
    const before = `group-${i - 1}`;
    to.constraints.push(`<rsc_colocation id="with-${id}" rsc="${id}" with-rsc="${before}" score="INFINITY"/>`);
    to.constraints.push(`<rsc_order id="after-${id}" first="${before}" then="${id}"/>`);
  }
}

function addFollowers(to: Configuration, nodes: number, count: number): void {
  for (let i = 0; i < CLONES; i += 1) {
    const meta = `<meta_attributes id="clone-${i}-meta"><nvpair id="clone-${i}-interleave" name="interleave" value="true"/></meta_attributes>`;
    to.resources.push(`<clone id="clone-${i}">${meta}${primitive(`cloned-${i}`)}</clone>`);
  }
  for (let i = 0; i < count; i += 1) {
    const id = `follower-${i}`;
    const clone = `clone-${i % CLONES}`;
    to.resources.push(primitive(id));
    to.constraints.push(`<rsc_colocation id="with-${id}" rsc="${id}" with-rsc="${clone}" score="INFINITY"/>`);
    to.constraints.push(`<rsc_order id="after-${id}" first="${clone}" then="${id}"/>`);
    to.places.push([id, i % nodes]);
  }
}

function operation(resource: string, name: string, intervalMs: number, call: number): string {
  const key = `${call}:1:0:${COORDINATOR}`;
  const id = intervalMs === 0 ? `${resource}_last_0` : `${resource}_${name}_${intervalMs}`;
  return (
    `<lrm_rsc_op id="${id}" operation_key="${resource}_${name}_${intervalMs}" operation="${name}" crm_feature_set="3.16.2" ` +
    `transition-key="${key}" transition-magic="0:0;${key}" call-id="${call}" rc-code="0" op-status="0" ` +
    `interval="${intervalMs}" last-rc-change="${NOW - 10_000}" exec-time="5" queue-time="0"/>`
  );
}

function nodeState(index: number, resources: readonly string[], down: boolean): string {
  const history = resources.map((id, i) => {
    const operations = operation(id, "start", 0, 2 * i + 1) + operation(id, "monitor", 10_000, 2 * i + 2);
    return `<lrm_resource id="${id}" type="Dummy" class="ocf" provider="heartbeat">${operations}</lrm_resource>`;
  });
  const life = down ? 'in_ccm="false" crmd="offline" join="down"' : 'in_ccm="true" crmd="online" join="member"';
  return (
    `<node_state id="${index + 1}" uname="node-${index}" ${life} expected="member"><lrm id="${index + 1}">` +
    `<lrm_resources>${history.join("")}</lrm_resources></lrm></node_state>`
  );
}

/** The CIB as text. */
export function scaleCib(nodes: number, resources: number): string {
  const made: Configuration = { resources: [], constraints: [], places: [] };
  const third = Math.floor(resources / 3);
  addSingles(made, nodes, third);
  addGroups(made, nodes, third);
  addFollowers(made, nodes, resources - 2 * third);
  const states = Array.from({ length: nodes }, (_, index) => {
    const here = made.places.flatMap(([id, place]) => (place === index ? [id] : []));
    for (let i = 0; i < CLONES; i += 1) here.push(`cloned-${i}`);
    return nodeState(index, here, index === nodes - 1);
  });
  const entries = Array.from({ length: nodes }, (_, index) => `<node id="${index + 1}" uname="node-${index}"/>`);
  const option = '<nvpair id="option-fencing" name="stonith-enabled" value="true"/>';
  return [
    `<cib admin_epoch="0" epoch="1" num_updates="1" have-quorum="1" dc-uuid="1" validate-with="pacemaker-3.0" execution-date="${NOW}">`,
    `<configuration><crm_config><cluster_property_set id="options">${option}</cluster_property_set></crm_config>`,
    `<nodes>${entries.join("")}</nodes>`,
    `<resources><primitive id="fence" class="stonith" type="fence_dummy"/>${made.resources.join("\n")}</resources>`,
    `<constraints>${made.constraints.join("\n")}</constraints></configuration>`,
    `<status>${states.join("\n")}</status></cib>\n`,
  ].join("\n");
}
