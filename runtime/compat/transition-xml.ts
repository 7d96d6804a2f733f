// A transition graph as Pacemaker's <transition_graph> text.

import { type Element, element } from "../kernel/cib/element.ts";
import { attributesOnNode, type GraphAction, type TransitionGraph } from "../services/transition.ts";

/** Pacemaker's feature set whose form of graphs this is. */
const FEATURE_SET = "3.20.5";

const TAGS = { resource: "rsc_op", pseudo: "pseudo_event", cluster: "crm_event" } as const;

/** The graph as an element tree; formatXml makes text of it. */
export function transitionElement(graph: TransitionGraph, transitionId: number): Element {
  const all = [...graph.synapses, ...(graph.never?.synapses ?? [])].sort((one, other) => one.id - other.id);
  const actions = [...all.map((synapse) => synapse.action), ...(graph.never?.awaited ?? [])];
  const byId = new Map(actions.map((action) => [action.id, action]));
  const synapses = all.map((synapse) => {
    const triggers = synapse.inputs.flatMap((id) => {
      const input = byId.get(id);
      return input === undefined ? [] : [element("trigger", {}, [actionElement(input, [])])];
    });
    const priority = synapse.priority > 0 ? String(synapse.priority) : undefined;
    return element("synapse", { id: String(synapse.id), priority }, [
      element("action_set", {}, [actionElement(synapse.action, details(synapse.action))]),
      element("inputs", {}, triggers),
    ]);
  });
  return element("transition_graph", { ...graph.attributes, transition_id: String(transitionId) }, synapses);
}

function actionElement(action: GraphAction, children: readonly Element[]): Element {
  return element(
    TAGS[action.kind],
    {
      id: String(action.id),
      mode: action.operation === "lrm_delete" ? "cib" : undefined,
      operation: action.operation,
      operation_key: action.operationKey,
      internal_operation_key: action.internalOperationKey,
      on_node: action.node,
      on_node_uuid: action.nodeId,
      router_node: action.routerNode,
    },
    children,
  );
}

/** What the agent is told; a name that begins with a digit can't be an XML attribute and gets an element of its own. */
function parameters(action: GraphAction): Element {
  const attributes: Record<string, string> = {};
  const children: Element[] = [];
  const all = attributesOnNode(action);
  for (const name of Object.keys(all).sort()) {
    const value = all[name];
    if (value === undefined) continue;
    if (/^[0-9]/.test(name)) children.push(element("param", { name, value }));
    else attributes[name] = value;
  }
  return element("attributes", { ...attributes, crm_feature_set: FEATURE_SET }, children);
}

function details(action: GraphAction): Element[] {
  const list: Element[] = [];
  const { primitive, downed, maintenance } = action;
  if (primitive !== undefined) {
    const { id, longId, class: resourceClass, provider, type } = primitive;
    list.push(element("primitive", { id, "long-id": longId, class: resourceClass, provider, type }));
  }
  list.push(parameters(action));
  if (downed !== undefined) {
    list.push(
      element(
        "downed",
        {},
        downed.map((id) => element("node", { id })),
      ),
    );
  }
  if (maintenance !== undefined) {
    list.push(
      element(
        "maintenance",
        {},
        maintenance.map((node) => element("node", { id: node.id, ...node.attributes })),
      ),
    );
  }
  return list;
}
