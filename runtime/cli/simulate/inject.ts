// Pretending that something happened before the plan is made: nodes come and go, tickets are granted, operations fail. Each
// injection is a change of the CIB; the order is that of crm_simulate, whatever the order on the command line.

import { type Element, withAttributes } from "../../kernel/cib/element.ts";
import { parseOperationKey } from "../../services/scheduler/operation-key.ts";
import {
  attributeLine,
  countFailure,
  editHistory,
  type HistoryAgent,
  historyIdOf,
  historyObjection,
  withResult,
} from "./history-edit.ts";
import {
  changed,
  editChild,
  editNodeState,
  editStatus,
  findNodeState,
  NODE_DOWN,
  NODE_UP,
  nodeIdOf,
  withNodeState,
  withoutHistory,
} from "./status-edit.ts";

/** An operation and its result, as the command line names it: RESOURCE_OPERATION_INTERVALMS@NODE=RC. */
export interface OperationSpec {
  readonly text: string;
  readonly resource: string;
  readonly operation: string;
  readonly intervalMs: number;
  readonly node: string;
  readonly result: number;
}

/** Takes a spec apart; undefined when it is none. */
export function parseOperationSpec(text: string): OperationSpec | undefined {
  const match = /^([^@]+)@([^=]+)=([+-]?\d{1,9})$/.exec(text);
  const key = parseOperationKey(match?.[1] ?? "");
  const node = match?.[2];
  if (key === undefined || node === undefined) return undefined;
  return { text, ...key, node, result: Number(match?.[3]) };
}

/** What is to be pretended. */
export interface Injections {
  readonly quorum?: string;
  readonly watchdog?: string;
  readonly nodesUp: readonly string[];
  readonly nodesDown: readonly string[];
  readonly nodesFailed: readonly string[];
  readonly ticketsGranted: readonly string[];
  readonly ticketsRevoked: readonly string[];
  readonly ticketsStandby: readonly string[];
  readonly ticketsActivated: readonly string[];
  readonly operations: readonly OperationSpec[];
}

/** Whether there is anything to do. Quorum alone is nothing: crm_simulate sets it only together with something else. */
export function hasInjections(injections: Injections): boolean {
  const { quorum: _, watchdog, ...lists } = injections;
  return watchdog !== undefined || Object.values(lists).some((list) => list.length > 0);
}

/** What injections need to know. */
export interface InjectContext {
  readonly nowEpochSeconds: number;
  readonly md5Hex: (text: string) => string;
  /** What runs a resource of that id (also an instance's); undefined for what is no resource. */
  readonly agentOf: (resource: string) => HistoryAgent | undefined;
  readonly startFailureFatal: boolean;
}

/** A CIB in which something happened, and how that is told. */
export interface Injected {
  readonly cib: Element;
  readonly lines: readonly string[];
  /** What could not be pretended, with the reason; the rest was. */
  readonly remarks: readonly string[];
}

/** The nodes of injections that the CIB does not know; nothing can happen to them. Those that come up are made. */
export function unknownNodes(cib: Element, injections: Injections): string[] {
  if (injections.nodesUp.length > 0) return [];
  const named = [
    ...injections.nodesDown,
    ...injections.nodesFailed,
    ...injections.operations.map((operation) => operation.node),
  ];
  const known = (name: string) => findNodeState(cib, name) !== undefined || nodeIdOf(cib, name) !== undefined;
  return [...new Set(named.filter((name) => !known(name)))];
}

/** Makes it all happen. The nodes must be known (`unknownNodes`). */
export function inject(cib: Element, injections: Injections, context: InjectContext): Injected {
  const lines: string[] = [];
  const remarks: string[] = [];
  let current = cib;
  const { quorum, watchdog } = injections;
  const createNodes = injections.nodesUp.length > 0;
  if (quorum !== undefined) {
    lines.push(`Setting quorum: ${quorum}`);
    current = changed(current, withAttributes(current, { "have-quorum": quorum }));
  }
  if (watchdog !== undefined) {
    lines.push(`Setting watchdog: ${watchdog}`);
    current = changed(current, withWatchdog(current, watchdog));
  }
  const each = (names: readonly string[], tell: (name: string) => string, change: (name: string) => Element) => {
    for (const name of names) {
      lines.push(tell(name));
      current = change(name);
    }
  };
  const setState = (name: string, attributes: Readonly<Record<string, string>>) => {
    const present = withNodeState(current, name, { createNodes }) ?? current;
    const origin = { "crm-debug-origin": "systole simulate" };
    return editNodeState(present, name, (state) => withAttributes(state, { ...attributes, ...origin }));
  };
  each(
    injections.nodesUp,
    (name) => `Bringing node ${name} online`,
    (name) => setState(name, NODE_UP),
  );
  each(
    injections.nodesDown,
    (name) => `Taking node ${name} offline`,
    (name) => withoutHistory(setState(name, NODE_DOWN), name),
  );
  each(
    injections.nodesFailed,
    (name) => `Failing node ${name}`,
    (name) => setState(name, { ...NODE_UP, in_ccm: "false" }),
  );
  const tickets = (names: readonly string[], tell: (name: string) => string, attribute: string, value: string) =>
    each(names, tell, (name) => withTicket(current, name, { [attribute]: value }));
  tickets(injections.ticketsGranted, (name) => `Granting ticket ${name}`, "granted", "true");
  tickets(injections.ticketsRevoked, (name) => `Revoking ticket ${name}`, "granted", "false");
  tickets(injections.ticketsStandby, (name) => `Making ticket ${name} standby`, "standby", "true");
  tickets(injections.ticketsActivated, (name) => `Activating ticket ${name}`, "standby", "false");
  for (const spec of injections.operations) {
    lines.push(`Injecting ${spec.text} into the configuration`);
    current = withOperation(current, spec, { ...context, createNodes }, { lines, remarks });
  }
  return { cib: current, lines, remarks };
}

const BOOTSTRAP = "cib-bootstrap-options";
const WATCHDOG = "have-watchdog";

/** Sets the option where it stands, or in the set that tools make for such options. */
function withWatchdog(cib: Element, value: string): Element {
  return editChild(cib, "configuration", {}, (configuration) =>
    editChild(configuration, "crm_config", {}, (section) => {
      const isWatchdog = (pair: Element) => pair.attributes["name"] === WATCHDOG;
      const holder = section.children.find((set) => set.children.some(isWatchdog))?.attributes["id"] ?? BOOTSTRAP;
      return editChild(section, "cluster_property_set", { id: holder }, (set) => {
        const id = set.children.find(isWatchdog)?.attributes["id"] ?? `${holder}-${WATCHDOG}`;
        return editChild(set, "nvpair", { id, name: WATCHDOG }, (pair) => withAttributes(pair, { value }));
      });
    }),
  );
}

function withTicket(cib: Element, id: string, attributes: Readonly<Record<string, string>>): Element {
  const edited = editStatus(cib, (status) =>
    editChild(status, "tickets", {}, (tickets) =>
      editChild(tickets, "ticket_state", { id }, (ticket) => withAttributes(ticket, attributes)),
    ),
  );
  return changed(cib, edited);
}

function withOperation(
  cib: Element,
  spec: OperationSpec,
  context: InjectContext & { readonly createNodes: boolean },
  told: { readonly lines: string[]; readonly remarks: string[] },
): Element {
  const { resource, operation, node } = spec;
  const agent = context.agentOf(resource);
  if (agent === undefined) {
    told.remarks.push(
      `Invalid resource name: ${resource}`,
      `The CIB has no resource "${resource}", so "${spec.text}" was left out. Name a resource as the status above does.`,
    );
    return cib;
  }
  const present = withNodeState(cib, node, context) ?? cib;
  const found = findNodeState(present, node);
  if (found === undefined) return cib;
  const objection = historyIdOf(found, [resource]) === undefined ? historyObjection(resource, found, agent) : undefined;
  if (objection !== undefined) {
    told.remarks.push(
      objection,
      `Only what an agent runs has operations, so "${spec.text}" was left out. Name a primitive or an instance of one.`,
    );
    return present;
  }
  return editNodeState(present, node, (state) => {
    const fatal = operation === "stop" || (operation === "start" && context.startFailureFatal);
    const ran = { ...spec, target: 0, exitReason: "Simulated action result", ...context };
    const counted = countFailure(state, resource, ran, fatal);
    told.lines.push(...counted.attributes.map((attribute) => attributeLine(state, attribute)));
    return editHistory(counted.state, [resource], agent, (entry) =>
      withResult(entry, entry.attributes["id"] ?? resource, ran),
    );
  });
}
