// Brings the bytes of a plugin from a node that has them to one that does not, over the channel between the nodes. Who asks
// names a digest and believes nothing else, so it does not matter which node answers.

import type { NodeId } from "../kernel/membership/view.ts";
import { errorText } from "./errors.ts";
import type { BundleMessage as PluginMessage } from "./schema/bundle.ts";

/** Of what plugin hosts say to one another, what is about bytes. */
export type BundleMessage = Exclude<PluginMessage, { type: "proof-wanted" | "proof-given" }>;

/** A node that has the bytes and is not busy gives them in a fraction of this. */
const ANSWER_TIMEOUT_MS = 5_000;

/** What it takes. */
export interface BundleExchangeOptions {
  readonly send: (to: NodeId, message: BundleMessage) => void;
  /** The other members of the view. */
  readonly peers: () => readonly NodeId[];
  /** The bytes of that digest, if this node has them. */
  readonly read: (sha512: string) => Uint8Array | undefined;
  readonly log: (text: string) => void;
}

interface Asked {
  readonly from: NodeId;
  readonly answer: (bytes: Uint8Array | undefined) => void;
}

/** Asks other nodes for bundles, and answers them. */
export class BundleExchange {
  readonly #options: BundleExchangeOptions;
  /** By digest; one node is asked at a time. */
  readonly #asked = new Map<string, Asked>();
  /** The same bundle is fetched once, however many ask for it. */
  readonly #fetching = new Map<string, Promise<Uint8Array | undefined>>();

  constructor(options: BundleExchangeOptions) {
    this.#options = options;
  }

  /** The bytes that some other node gives for this digest; whoever asks checks them. Never rejects. */
  fetch(sha512: string): Promise<Uint8Array | undefined> {
    const known = this.#fetching.get(sha512);
    if (known !== undefined) return known;
    const fetched = this.#askAll(sha512).finally(() => this.#fetching.delete(sha512));
    this.#fetching.set(sha512, fetched);
    return fetched;
  }

  async #askAll(sha512: string): Promise<Uint8Array | undefined> {
    for (const peer of [...this.#options.peers()].sort((a, b) => a - b)) {
      const bytes = await this.#ask(peer, sha512);
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  }

  #ask(from: NodeId, sha512: string): Promise<Uint8Array | undefined> {
    return new Promise((resolve) => {
      const answer = (bytes: Uint8Array | undefined): void => {
        clearTimeout(timer);
        this.#asked.delete(sha512);
        resolve(bytes);
      };
      const timer = setTimeout(() => answer(undefined), ANSWER_TIMEOUT_MS);
      timer.unref();
      this.#asked.set(sha512, { from, answer });
      this.#options.send(from, { type: "bundle-wanted", sha512 });
    });
  }

  /** A message of another node. What nobody asked that node for is dropped. */
  hear(from: NodeId, message: BundleMessage): void {
    const { sha512 } = message;
    if (message.type === "bundle-wanted") {
      const bytes = this.#readOr(sha512);
      this.#options.send(
        from,
        bytes === undefined ? { type: "bundle-missing", sha512 } : { type: "bundle-given", sha512, bytes },
      );
      return;
    }
    const asked = this.#asked.get(sha512);
    if (asked?.from === from) asked.answer(message.type === "bundle-given" ? message.bytes : undefined);
  }

  #readOr(sha512: string): Uint8Array | undefined {
    try {
      return this.#options.read(sha512);
    } catch (error) {
      this.#options.log(`Another node asked for a plugin's bytes, and they cannot be read: ${errorText(error)}`);
      return undefined;
    }
  }
}
