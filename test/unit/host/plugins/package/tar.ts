// Makes tarballs for tests, good and bad ones: POSIX ustar headers of 512 bytes.

import { gzipSync } from "node:zlib";

/** An entry as a test wants it. */
export interface TarEntry {
  readonly path: string;
  readonly text?: string;
  /** ustar type flag: 0 file, 1 hard link, 2 symbolic link, 3 device, 5 folder, x pax header, L long name. */
  readonly type?: string;
  readonly link?: string;
}

function entryBytes({ path, text = "", type = "0", link = "" }: TarEntry): Buffer {
  const body = Buffer.from(text);
  const header = Buffer.alloc(512);
  header.write(path, 0, 100);
  header.write("0000644\0", 100);
  header.write(`${body.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("        ", 148);
  header.write(type, 156);
  header.write(link, 157, 100);
  header.write("ustar\0", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
}

/** A gzipped tarball of these entries. */
export function tarball(entries: readonly TarEntry[]): Buffer {
  return gzipSync(Buffer.concat([...entries.map(entryBytes), Buffer.alloc(1024)]));
}
