// Before the cluster agrees on new bytes of a plugin, every member of the view proves them: it starts them beside the present ones
// and compares what both see of the resources that it has. Who was asked for an update asks the others here, over the channel
// between the nodes, and waits for each no longer than a bounded time. Kernel and services do not hear of it.

import type { NodeId } from "../kernel/membership/view.ts";
import { errorText } from "./errors.ts";
import type { BundleMessage, ProofWish } from "./schema/bundle.ts";

/** Beyond the time for which a new version is watched: to fetch the bytes, start them and look at everything. */
export const PROOF_PATIENCE_MS = 45_000;
/** Proofs that one node makes for others at a time; each is a process. */
export const MAX_PROOFS = 4;
/** Of what another node says. */
export const MAX_PROOF_TEXT = 4_096;

/** What came of the question to a node. `silent`: it has not answered in time. */
export interface NodeProof {
  readonly id: NodeId;
  readonly state: "proven" | "refused" | "silent";
  /** A sentence, or the end of one: what the node saw, or why it could not look. */
  readonly text: string;
}

/** What it takes. */
export interface ProofExchangeOptions {
  readonly send: (to: NodeId, message: BundleMessage) => void;
  /** The other members of the view. */
  readonly peers: () => readonly NodeId[];
  /** Proves it on this node. May reject: then it is refused with what the error says. */
  readonly prove: (wish: ProofWish) => Promise<{ readonly good: boolean; readonly text: string }>;
}

/** Asks other nodes for proofs, and answers them. */
export class ProofExchange {
  readonly #options: ProofExchangeOptions;
  readonly #asked = new Map<string, (proof: NodeProof) => void>();
  #lastRequest = 0;
  #proving = 0;

  constructor(options: ProofExchangeOptions) {
    this.#options = options;
  }

  /** What the other members say, by id. Never rejects. */
  async askOthers(wish: Omit<ProofWish, "request">): Promise<readonly NodeProof[]> {
    const peers = [...this.#options.peers()].sort((a, b) => a - b);
    return await Promise.all(peers.map((peer) => this.#ask(peer, wish)));
  }

  #ask(id: NodeId, wish: Omit<ProofWish, "request">): Promise<NodeProof> {
    this.#lastRequest += 1;
    const request = this.#lastRequest;
    const key = `${id} ${request}`;
    const patienceMs = wish.shadowMs + PROOF_PATIENCE_MS;
    return new Promise((resolve) => {
      const answer = (proof: NodeProof): void => {
        clearTimeout(timer);
        this.#asked.delete(key);
        resolve(proof);
      };
      const text = `it did not say within ${Math.round(patienceMs / 1_000)} s whether it can run the new version; it is busy, away, or runs a release that does not know the question.`;
      const timer = setTimeout(() => answer({ id, state: "silent", text }), patienceMs);
      timer.unref();
      this.#asked.set(key, answer);
      this.#options.send(id, { type: "proof-wanted", wish: { ...wish, request } });
    });
  }

  /** A message of another node. What nobody asked that node for is dropped. */
  async hear(from: NodeId, message: Extract<BundleMessage, { type: "proof-wanted" | "proof-given" }>): Promise<void> {
    if (message.type === "proof-given") {
      const { request, good, text } = message;
      this.#asked.get(`${from} ${request}`)?.({ id: from, state: good ? "proven" : "refused", text });
      return;
    }
    const { good, text } = await this.#prove(message.wish);
    const { request } = message.wish;
    this.#options.send(from, { type: "proof-given", request, good, text: text.slice(0, MAX_PROOF_TEXT) });
  }

  async #prove(wish: ProofWish): Promise<{ readonly good: boolean; readonly text: string }> {
    if (this.#proving >= MAX_PROOFS)
      return {
        good: false,
        text: `it proves ${MAX_PROOFS} other new versions at the moment. Try again when they are done.`,
      };
    this.#proving += 1;
    try {
      return await this.#options.prove(wish);
    } catch (error) {
      return { good: false, text: errorText(error) };
    } finally {
      this.#proving -= 1;
    }
  }
}
