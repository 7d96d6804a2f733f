// What the main thread sends to other nodes, gathered while it is at work and handed to the pulse once sockets have had their turn:
// everything for one node goes as one message, so a burst of small ones costs one datagram and one hand-over, not one each.

import type { NodeId } from "../kernel/membership/view.ts";
import { bundle, type MessageCodec, type WireMessage } from "./codec-message.ts";

/** A message that is longer travels alone. */
const BUNDLED_BYTES = 16_384;

/** Where it goes. */
export interface OutboxOptions {
  readonly codec: MessageCodec;
  /** Hands over: the order for each node is that of the array. */
  readonly submit: (messages: readonly { readonly to: NodeId; readonly bytes: Uint8Array }[]) => void;
  /** Calls back once sockets have had their turn. */
  readonly soon: (call: () => void) => void;
}

/** Messages that wait for the end of this turn. */
export class Outbox {
  readonly #options: OutboxOptions;
  #waiting = new Map<NodeId, Uint8Array[]>();

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  send(to: NodeId, message: WireMessage): void {
    if (this.#waiting.size === 0) this.#options.soon(() => this.flush());
    const bytes = this.#options.codec.encode(message);
    const others = this.#waiting.get(to);
    if (others === undefined) this.#waiting.set(to, [bytes]);
    else others.push(bytes);
  }

  /** Hands over what waits; before anything that must come after it. */
  flush(): void {
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Map();
    const messages: { readonly to: NodeId; readonly bytes: Uint8Array }[] = [];
    for (const [to, parts] of waiting) {
      let together: Uint8Array[] = [];
      let length = 0;
      for (const part of parts) {
        if (together.length > 0 && length + part.length > BUNDLED_BYTES) {
          messages.push({ to, bytes: bundle(together) });
          together = [];
          length = 0;
        }
        together.push(part);
        length += part.length;
      }
      messages.push({ to, bytes: bundle(together) });
    }
    this.#options.submit(messages);
  }
}
