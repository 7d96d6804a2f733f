// Messages of the reliable channel as bytes, without the cost of a codec: the message stays in a table, and the bytes name its
// place there. They are padded, so that many messages come in several pieces, and checked at the other end, so that pieces put
// together wrongly, or a message delivered twice, show.

import type { Message } from "../../runtime/services/messages.ts";
import type { Random } from "./random.ts";

const HEADER_BYTES = 8;
const MAX_PADDING_BYTES = 120;

/** How messages become bytes and messages again. */
export interface Post {
  wrap(message: Message): Uint8Array;
  /** @throws Error when the bytes are not those of a message. */
  unwrap(bytes: Uint8Array): Message;
}

/** Messages on their way. */
export class Mailbag implements Post {
  readonly #random: Random;
  readonly #messages = new Map<number, Message>();
  #next = 1;

  constructor(random: Random) {
    this.#random = random;
  }

  wrap(message: Message): Uint8Array {
    const handle = this.#next;
    this.#next += 1;
    this.#messages.set(handle, message);
    const padding = this.#random.chance(0.2) ? this.#random.integer(1, MAX_PADDING_BYTES) : 0;
    const bytes = new Uint8Array(HEADER_BYTES + padding);
    put32(bytes, 0, handle);
    put32(bytes, 4, bytes.length);
    for (let index = HEADER_BYTES; index < bytes.length; index += 1) bytes[index] = (handle + index) & 255;
    return bytes;
  }

  /** @throws Error when the bytes are not those of exactly one message that was not delivered before. */
  unwrap(bytes: Uint8Array): Message {
    const handle = take32(bytes, 0);
    const message = this.#messages.get(handle);
    if (message === undefined) throw new Error(`message ${handle} was delivered twice or never sent`);
    if (take32(bytes, 4) !== bytes.length) throw new Error(`message ${handle} has the wrong length`);
    for (let index = HEADER_BYTES; index < bytes.length; index += 1) {
      if (bytes[index] !== ((handle + index) & 255)) throw new Error(`message ${handle} was put together wrongly`);
    }
    this.#messages.delete(handle);
    return message;
  }
}

function put32(bytes: Uint8Array, at: number, value: number): void {
  for (let index = 0; index < 4; index += 1) bytes[at + index] = value >>> (24 - 8 * index);
}

function take32(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let index = 0; index < 4; index += 1) value = value * 256 + (bytes[at + index] ?? 0);
  return value;
}
