// The changes that were asked for on this node and have no answer yet. Each is sent to the coordinator of the view, and again
// to the next coordinator under the same id when the view changes, until an answer comes or its time is over.
//
// When an answer may be "refused": only when nothing of the request can be in any log. A request that went to the coordinator of
// a primary view may be in somebody's log; a later view that is not primary cannot know, so its refusal is not believed.

import type { ChangeOutcome, ChangeRequest, KernelEffect } from "../messages.ts";

/** More requests than this without an answer are refused. */
const MAX_OPEN_REQUESTS = 4096;
/** Of an id, which is kept by every node; longer ones are refused. */
const MAX_ID_CHARACTERS = 256;

interface OpenRequest {
  readonly request: ChangeRequest;
  readonly deadlineMs: number;
  readonly thisViewOnly: boolean;
  sent: boolean;
  sentInPrimary: boolean;
}

/** The open requests of this node. */
export class Clients {
  readonly #open = new Map<string, OpenRequest>();
  readonly #timeoutMs: number;

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Takes a request on; a refusal when it cannot be. */
  ask(request: ChangeRequest, nowMs: number, thisViewOnly = false): KernelEffect | undefined {
    if (this.#open.has(request.id)) return undefined;
    if (request.id.length === 0 || request.id.length > MAX_ID_CHARACTERS) {
      return refuse(request.id, "bad-id", `A change needs an id of 1 to ${MAX_ID_CHARACTERS} characters.`);
    }
    if (this.#open.size >= MAX_OPEN_REQUESTS) {
      return refuse(
        request.id,
        "busy",
        `${MAX_OPEN_REQUESTS} changes wait for an answer on this node already. Ask again later.`,
      );
    }
    const deadlineMs = nowMs + this.#timeoutMs;
    this.#open.set(request.id, { request, deadlineMs, thisViewOnly, sent: false, sentInPrimary: false });
    return undefined;
  }

  /** The requests to send to the coordinator of a view that has just been established, oldest first. */
  sendAll(primary: boolean): ChangeRequest[] {
    const requests: ChangeRequest[] = [];
    for (const open of this.#open.values()) {
      open.sent = true;
      open.sentInPrimary ||= primary;
      requests.push(open.request);
    }
    return requests;
  }

  /** Another view begins: answers what was meant for the one before only. */
  viewChanged(): KernelEffect[] {
    const effects: KernelEffect[] = [];
    for (const [id, open] of this.#open) {
      if (!open.thisViewOnly) continue;
      this.#open.delete(id);
      effects.push(this.#giveUp(id, open, "The view has changed."));
    }
    return effects;
  }

  /** Notes that one request has gone to the coordinator. */
  sent(id: string, primary: boolean): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    open.sent = true;
    open.sentInPrimary ||= primary;
  }

  /** An answer from the coordinator of a view; what to tell the client, if anything. */
  answer(id: string, outcome: ChangeOutcome, primary: boolean): KernelEffect | undefined {
    const open = this.#open.get(id);
    if (open === undefined) return undefined;
    if (outcome.outcome === "refused" && open.sentInPrimary && !primary) return undefined;
    this.#open.delete(id);
    return { type: "answer", requestId: id, outcome };
  }

  /** Answers what has waited too long. */
  expire(nowMs: number): KernelEffect[] {
    const effects: KernelEffect[] = [];
    // All wait equally long, so the oldest come first.
    for (const [id, open] of this.#open) {
      if (open.deadlineMs > nowMs) break;
      this.#open.delete(id);
      effects.push(this.#giveUp(id, open, "No coordinator has answered in time."));
    }
    return effects;
  }

  /** This node stops: answers everything. */
  giveUpAll(cause: string): KernelEffect[] {
    const effects = [...this.#open].map(([id, open]) => this.#giveUp(id, open, cause));
    this.#open.clear();
    return effects;
  }

  get deadlineMs(): number | undefined {
    for (const open of this.#open.values()) return open.deadlineMs;
    return undefined;
  }

  #giveUp(id: string, open: OpenRequest, cause: string): KernelEffect {
    if (!open.sent) {
      return refuse(id, "unavailable", `${cause} Nothing was changed. Ask again when the cluster has formed a view.`);
    }
    const reason = `${cause} The change may or may not have been made. Ask again with the same id: it is not made twice.`;
    return { type: "answer", requestId: id, outcome: { outcome: "unknown", reason } };
  }
}

function refuse(requestId: string, code: string, reason: string): KernelEffect {
  return { type: "answer", requestId, outcome: { outcome: "refused", code, reason } };
}
