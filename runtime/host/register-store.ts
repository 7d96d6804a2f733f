// The registers of an arbiter on a disk: one file each, replaced whole, and on the disk before anybody is told so.
//
// A tag is the birth of the file and a count, so it never names two contents: not after a register has been removed and made
// again, and not when the same text comes back.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { SystoleError, systemCode } from "./errors.ts";
import { realFiles, type StoreFiles } from "./store/files.ts";

/** A content is a few hundred characters; nobody fills the disk with it. */
export const MAX_REGISTER_BYTES = 65_536;
/** Registers of one arbiter, which is clusters that use it. */
const MAX_REGISTERS = 1_024;

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?$/;
const SUFFIX = ".register";
const UNFINISHED = ".new";

/** What stands in a register. */
export interface Register {
  readonly text: string;
  /** A strong entity tag without its quotes. */
  readonly tag: string;
}

/** What a replacement demands: that this stands there, that nothing does. */
export type Condition = { readonly tag: string } | "nothing";

export type Replaced = { readonly replaced: true; readonly tag: string } | { readonly replaced: false };

/** Whether this can be a register's name. */
export function isRegisterName(name: string): boolean {
  return NAME.test(name);
}

/** All registers in a folder. The folder is this process's alone (see takeStateDirectory). */
export class RegisterStore {
  readonly #folder: string;
  readonly #files: StoreFiles;
  /** Of each name the last thing that was asked for: the next one waits for it. */
  readonly #queues = new Map<string, Promise<unknown>>();
  readonly #known = new Map<string, Register | undefined>();

  constructor(folder: string, files: StoreFiles = realFiles) {
    this.#folder = folder;
    this.#files = files;
  }

  /** Throws SystoleError when the file is not as it was written: then nobody may be told that it is empty. */
  read(name: string): Promise<Register | undefined> {
    return this.#after(name, () => this.#load(name));
  }

  /** Resolves when it is on the disk. Throws SystoleError `disk-…`: it may be done or not, and the process should end. */
  replace(name: string, text: string, condition: Condition): Promise<Replaced> {
    return this.#after(name, async () => {
      const held = await this.#load(name);
      const meets = condition === "nothing" ? held === undefined : held?.tag === condition.tag;
      if (!meets) return { replaced: false };
      if (held === undefined) await this.#refuseTooMany();
      const register = { text, tag: nextTag(held?.tag) };
      this.#known.delete(name);
      await this.#write(name, register);
      this.#known.set(name, register);
      return { replaced: true, tag: register.tag };
    });
  }

  #after<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#queues.get(name) ?? Promise.resolve();
    const result = before.then(work, work);
    const settled = result
      .catch(() => undefined)
      .finally(() => {
        if (this.#queues.get(name) === settled) this.#queues.delete(name);
      });
    this.#queues.set(name, settled);
    return result;
  }

  async #load(name: string): Promise<Register | undefined> {
    if (this.#known.has(name)) return this.#known.get(name);
    const path = join(this.#folder, `${name}${SUFFIX}`);
    const names = await this.#files.list(this.#folder);
    const register = names.includes(`${name}${SUFFIX}`) ? parse(await this.#files.read(path), path) : undefined;
    if (register !== undefined) this.#known.set(name, register);
    return register;
  }

  async #refuseTooMany(): Promise<void> {
    const names = await this.#files.list(this.#folder);
    if (names.filter((each) => each.endsWith(SUFFIX)).length < MAX_REGISTERS) return;
    const text = `There are ${MAX_REGISTERS} registers in ${this.#folder} already, and no further one is made. Remove those of clusters that are no more.`;
    throw new SystoleError("too-many-requests", text);
  }

  async #write(name: string, register: Register): Promise<void> {
    const path = join(this.#folder, `${name}${SUFFIX}`);
    const file = await this.#files.open(`${path}${UNFINISHED}`, true);
    try {
      await file.write(Buffer.from(`${JSON.stringify(register)}\n`), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#files.rename(`${path}${UNFINISHED}`, path);
    await this.#files.syncDirectory(this.#folder);
  }
}

function nextTag(before: string | undefined): string {
  const [birth = randomUUID(), count = "0"] = before?.split(".") ?? [];
  return `${birth}.${Number(count) + 1}`;
}

function parse(bytes: Uint8Array, path: string): Register {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    throw damaged(path, systemCode(error));
  }
  if (typeof value !== "object" || value === null || !("text" in value) || !("tag" in value)) throw damaged(path, "");
  const { text, tag } = value;
  if (typeof text !== "string" || typeof tag !== "string") throw damaged(path, "");
  return { text, tag };
}

function damaged(path: string, code: string): SystoleError {
  return new SystoleError(
    "store-damaged",
    `${path} is not as it was written${code === "" ? "" : ` (${code})`}, so what it held is unknown and nobody gets an answer. Remove it: the cluster then sets it up anew as soon as a majority of its nodes is together.`,
  );
}
