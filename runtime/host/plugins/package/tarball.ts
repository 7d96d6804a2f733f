// Opens a .tgz as `npm pack` makes it. What is inside was made by somebody else, so nothing is written before every entry has
// been looked at: plain files and folders below the top only, no links, no devices, bounded in number and size.
//
// Form: POSIX.1-2001 pax interchange format (ustar headers of 512 bytes, records of type x before a file), and the long names
// of GNU tar (type L).

import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { errorText } from "../../errors.ts";
import { PluginError } from "../plugin-error.ts";

/** Bounds of a tarball. */
export const TARBALL_LIMITS = {
  packedBytes: 16 * 1024 * 1024,
  unpackedBytes: 64 * 1024 * 1024,
  entries: 5_000,
  pathCharacters: 512,
} as const;

const BLOCK = 512;
const NUL = String.fromCharCode(0);

/** An entry that may be written. */
interface Entry {
  readonly path: string;
  /** Undefined for a folder. */
  readonly bytes: Uint8Array | undefined;
}

/**
 * Unpacks a tarball into an empty folder.
 * Throws PluginError `plugin-package`; nothing has been written then, unless the disk itself fails.
 */
export function unpackTarball(file: string, folder: string): void {
  const entries = readEntries(unzipped(file), file);
  try {
    for (const { path, bytes } of entries) {
      const target = join(folder, path);
      mkdirSync(bytes === undefined ? target : dirname(target), { recursive: true, mode: 0o700 });
      if (bytes !== undefined) writeFileSync(target, bytes, { mode: 0o600, flag: "wx" });
    }
  } catch (error) {
    throw refusal(file, `it cannot be unpacked to ${folder}: ${errorText(error)}`);
  }
}

function refusal(file: string, why: string): PluginError {
  return new PluginError("plugin-package", `The tarball ${file} is refused, nothing of it was used: ${why}.`);
}

function unzipped(file: string): Buffer {
  try {
    const { size } = statSync(file);
    if (size > TARBALL_LIMITS.packedBytes)
      throw new Error(`it has ${size} bytes, ${TARBALL_LIMITS.packedBytes} are allowed`);
    return gunzipSync(readFileSync(file), { maxOutputLength: TARBALL_LIMITS.unpackedBytes });
  } catch (error) {
    const tooLarge = error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
    throw refusal(
      file,
      tooLarge
        ? `unpacked it has more than ${TARBALL_LIMITS.unpackedBytes} bytes`
        : `it cannot be read: ${errorText(error)}`,
    );
  }
}

function readEntries(tar: Buffer, file: string): readonly Entry[] {
  const entries = new Map<string, Entry>();
  let position = 0;
  let told: Readonly<Record<string, string>> = {};
  while (position + BLOCK <= tar.length) {
    const header = tar.subarray(position, position + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    if (!checksumHolds(header)) throw refusal(file, `byte ${position} begins no valid header`);
    const size = told["size"] === undefined ? octal(header, 124, 12) : Number(told["size"]);
    const end = position + BLOCK + size;
    if (!Number.isSafeInteger(size) || size < 0 || end > tar.length)
      throw refusal(file, "it ends in the midst of an entry");
    const body = tar.subarray(position + BLOCK, end);
    position += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === "x") told = { ...told, ...paxRecords(body, file) };
    else if (type === "L") told = { ...told, path: text(body) };
    else if (type !== "g") {
      const entry = checkedEntry(told["path"] ?? nameOf(header), type, body, file);
      if (entry.bytes !== undefined && entries.has(entry.path))
        throw refusal(file, `it has ${JSON.stringify(entry.path)} twice`);
      if (!entries.has(entry.path)) entries.set(entry.path, entry);
      if (entries.size > TARBALL_LIMITS.entries)
        throw refusal(file, `it has more than ${TARBALL_LIMITS.entries} entries`);
      told = {};
    }
  }
  refuseFilesAsFolders(entries, file);
  return [...entries.values()];
}

function checkedEntry(path: string, type: string, body: Uint8Array, file: string): Entry {
  const shown = JSON.stringify(path);
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (path.startsWith("/")) throw refusal(file, `the entry ${shown} has an absolute path`);
  if (parts.includes("..")) throw refusal(file, `the entry ${shown} leads out of its folder`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  if (/[\\\x00-\x1f\x7f]/.test(path) || path.length > TARBALL_LIMITS.pathCharacters) {
    throw refusal(file, `the entry ${shown.slice(0, 80)} has a name that no package needs`);
  }
  if (type === "1" || type === "2") throw refusal(file, `the entry ${shown} is a link, and links can lead anywhere`);
  if (type === "5") return { path: parts.join("/"), bytes: undefined };
  if (type !== "0" && type !== NUL) throw refusal(file, `the entry ${shown} is neither a file nor a folder`);
  if (parts.length === 0) throw refusal(file, "an entry has no name");
  return { path: parts.join("/"), bytes: body };
}

/** `a` as a file and `a/b` beside it: one of them is not what it seems. */
function refuseFilesAsFolders(entries: ReadonlyMap<string, Entry>, file: string): void {
  for (const path of entries.keys()) {
    for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
      const above = entries.get(path.slice(0, at));
      if (above?.bytes !== undefined) throw refusal(file, `${JSON.stringify(above.path)} is a file and a folder in it`);
    }
  }
}

/** The sum of all bytes of the header, with its own field counted as spaces. */
function checksumHolds(header: Buffer): boolean {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  return sum === octal(header, 148, 8);
}

function nameOf(header: Buffer): string {
  const name = text(header.subarray(0, 100));
  const prefix = text(header.subarray(257, 262)) === "ustar" ? text(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function text(bytes: Uint8Array): string {
  const all = Buffer.from(bytes).toString("utf8");
  const end = all.indexOf(NUL);
  return end === -1 ? all : all.slice(0, end);
}

function octal(header: Buffer, start: number, length: number): number {
  const digits = text(header.subarray(start, start + length)).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

/** Records of the form `LENGTH KEY=VALUE\n`, the length counted in bytes and with itself. */
function paxRecords(body: Buffer, file: string): Record<string, string> {
  const records: Record<string, string> = {};
  let position = 0;
  while (position < body.length) {
    const space = body.indexOf(0x20, position);
    const length = Number(body.subarray(position, Math.max(position, space)).toString("latin1"));
    const end = position + length;
    if (!Number.isSafeInteger(length) || length <= space - position || end > body.length) {
      throw refusal(file, "it has an extended header that cannot be read");
    }
    const record = body.subarray(space + 1, end - 1).toString("utf8");
    const equals = record.indexOf("=");
    const key = record.slice(0, Math.max(0, equals));
    if (key === "path" || key === "size") records[key] = record.slice(equals + 1);
    position = end;
  }
  return records;
}
