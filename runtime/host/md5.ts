// MD5, which the digests of operation parameters in the history are made with.

import { hash } from "node:crypto";

/** MD5 of a text's UTF-8 bytes as 32 lower-case hexadecimal digits. */
export function md5Hex(text: string): string {
  return hash("md5", text);
}
