// Why a node is fenced, in words for people. The scheduler's own texts are those that Pacemaker prints, for comparison.

import type { Node } from "../state.ts";
import { launcherOf } from "../tree.ts";
import type { Reason } from "./reason.ts";

type Words = readonly [code: string, text: (node: string, subject: string) => string];

/** By the scheduler's text; in those that name a resource, it stands in front. */
const BY_TEXT: Readonly<Record<string, Words>> = {
  "peer is no longer part of the cluster": ["node-lost", (node) => `${node} was lost and may still run resources`],
  "peer process is no longer available": ["manager-lost", (node) => `the cluster manager on ${node} no longer answers`],
  "peer has not been seen by the cluster": [
    "node-unseen",
    (node) => `${node} was never seen, so nobody knows what runs there`,
  ],
  "peer failed Pacemaker membership criteria": ["node-banned", (node) => `${node} may not be a member of this cluster`],
  "fencing was requested": ["requested", (node) => `somebody asked for ${node} to be fenced`],
  "peer pending timed out on joining the process group": [
    "join-timeout",
    (node) => `${node} did not finish joining in time (node-pending-timeout)`,
  ],
  "peer was in an unknown state": ["node-unknown", (node) => `the state of ${node} cannot be understood`],
  "peer is unexpectedly down": ["node-lost", (node) => `${node} went down without saying so`],
  "cluster does not have quorum": ["no-quorum", () => "this partition has no quorum (no-quorum-policy fence)"],
  "deadman ticket was lost": [
    "ticket",
    (node) => `a ticket was lost (loss-policy fence) while its resource ran on ${node}`,
  ],
  "stop is unrunnable": [
    "stop-impossible",
    (node) => `something on ${node} must stop, and ${node} cannot be reached to do so`,
  ],
  "guest is unclean": ["guest-failed", (node) => `what the guest ${node} runs in failed`],
  "container failed": ["guest-failed", (node) => `what the guest ${node} runs in failed`],
  "node is unclean": ["node-unclean", (node) => `${node} is lost or broken and may still run resources`],
  "remote connection is unrecoverable": ["remote-lost", (node) => `the connection to ${node} cannot be restored`],
  "the connection is unrecoverable": ["remote-lost", (node) => `the connection to ${node} cannot be restored`],
  "resources are active but connection is unrecoverable": [
    "remote-lost",
    (node) => `resources run on ${node}, and the connection to it cannot be restored`,
  ],
  "resources are in unknown state and connection is unrecoverable": [
    "remote-lost",
    (node) => `nobody knows what runs on ${node}, and the connection to it cannot be restored`,
  ],
  "is thought to be active there": [
    "active-on-lost-node",
    (node, subject) => `${subject} may still run on ${node}, which cannot be reached`,
  ],
  "failed there": [
    "resource-failed",
    (node, subject) => `${subject} failed on ${node} in a way that calls for fencing (a failed stop, or on-fail=fence)`,
  ],
  "Device definition changed": ["device-changed", () => "the definition of a fence device has changed"],
  "Device parameters changed": ["device-changed", () => "the parameters of a fence device have changed"],
  "Device parameters changed (reload)": ["device-changed", () => "the parameters of a fence device have changed"],
  "Device parameters changed (reschedule)": ["device-changed", () => "the parameters of a fence device have changed"],
};

/** Why a node is switched off, restarted or (operation "on") let in again. */
export function fencingReason(node: Node, text: string | undefined, operation: string | undefined): Reason {
  const about = { node: node.name };
  const inside = launcherOf(node);
  if (inside !== undefined) {
    const why = `${inside.id}, in which ${node.name} runs, failed or was lost`;
    return { code: "guest-failed", text: why, resource: inside.id, ...about };
  }
  const whole = text === undefined ? undefined : BY_TEXT[text];
  if (whole !== undefined) return { code: whole[0], text: whole[1](node.name, ""), ...about };
  const space = text?.indexOf(" ") ?? -1;
  const subject = text?.slice(0, space) ?? "";
  const rest = text?.slice(space + 1) ?? "";
  const partial = BY_TEXT[rest.startsWith("is active there") ? "is thought to be active there" : rest];
  if (space > 0 && partial !== undefined) {
    return { code: partial[0], text: partial[1](node.name, subject), resource: subject, ...about };
  }
  if (operation === "on") {
    const user = /^required by (\S+)/.exec(text ?? "")?.[1];
    const needed = user === undefined ? "what runs there needs it" : `${user} needs it there`;
    return { code: "unfencing", text: `${node.name} has to be let at shared storage again: ${needed}`, ...about };
  }
  return { code: "node-unclean", text: text ?? `${node.name} is lost or broken`, ...about };
}
