// With --codec everything between nodes goes through the product's own codecs, bytes and validation: several times as slow, and
// the proof that what nodes really say to one another is what their schemas let in.

import { createDatagramCodec } from "../../runtime/host/codec-datagram.ts";
import { createMessageCodec, isBundleMessage } from "../../runtime/host/codec-message.ts";
import type { Datagram } from "../../runtime/kernel/membership/datagram.ts";
import type { Message } from "../../runtime/services/messages.ts";
import type { Post } from "./mailbag.ts";

/** Both codecs. Throws where production would drop and count: in a simulation nobody sends rubbish. */
export class Wire implements Post {
  /** Bytes in one piece of a message, as over Ethernet. */
  readonly fragmentBytes = 1_200;
  readonly #datagrams = createDatagramCodec();
  readonly #messages = createMessageCodec();

  /** What comes out of the other end. */
  datagram(datagram: Datagram): Datagram {
    const decoded = this.#datagrams.decode(this.#datagrams.encode(datagram));
    if ("rejection" in decoded) throw new Error(`the codec refuses a ${datagram.type}: ${decoded.rejection.text}`);
    return decoded.value;
  }

  wrap(message: Message): Uint8Array {
    return this.#messages.encode(message);
  }

  unwrap(bytes: Uint8Array): Message {
    const decoded = this.#messages.decode(bytes);
    if ("rejection" in decoded) throw new Error(`the codec refuses a message: ${decoded.rejection.text}`);
    if (isBundleMessage(decoded.value)) throw new Error("there are no plugin hosts in a simulation");
    return decoded.value;
  }
}
