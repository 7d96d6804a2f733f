// Every datagram between two nodes is sealed here, above every transport: encrypted and authenticated with AES-256-GCM under
// a key that one life of one sender has for itself, derived from the cluster key. A receiver takes each datagram at most once.
//
// The header is in the clear but authenticated. Wire version and feature level come first and never move, so that every
// release can say in words what it does not understand.
//
//   0  magic "S"          4  cluster (hash of its name)    20  session (random, per life)   36  counter
//   1  wire version      12  sender id                     28  incarnation of the sender    44  ciphertext, then 16 bytes of tag
//   2  feature level     16  receiver id

import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import { assert } from "../kernel/assert.ts";
import type { Incarnation, NodeId } from "../kernel/membership/view.ts";

/** The form of header and sealing. A node speaks one, and says so of others that speak a later one. */
export const WIRE_VERSION = 1;

/** Bytes that sealing adds to a datagram. */
export const SEAL_BYTES = 60;

const HEADER_BYTES = 44;
const TAG_BYTES = 16;
const MAGIC = 0x53;
const CLUSTER_BYTES = 8;
const SESSION_BYTES = 8;

/** How far behind the newest datagram of a sender another may come: covers a bulk transfer on one link and heartbeats on a slow one. */
const REPLAY_WINDOW = 8192;

/** Far below what AES-GCM allows for one key, far above what one life of a node sends. */
const MAX_COUNTER = 2 ** 47;

/** Why a datagram was dropped. */
export type SealFault =
  | "not-systole"
  | "too-new"
  | "too-old"
  | "foreign-cluster"
  | "unknown-node"
  | "misdirected"
  | "wrong-key"
  | "old-life"
  | "replayed";

/** What came out of a sealed datagram. `bytes` is new memory. */
export interface Opened {
  readonly from: NodeId;
  readonly incarnation: Incarnation;
  readonly featureLevel: number;
  readonly bytes: Uint8Array;
}

/** What is needed for sealing. */
export interface SealOptions {
  /** 256 bits. */
  readonly key: Uint8Array;
  readonly cluster: string;
  readonly self: NodeId;
  readonly incarnation: Incarnation;
  readonly featureLevel: number;
  readonly peers: readonly NodeId[];
}

interface PeerLife {
  readonly session: Buffer;
  readonly incarnation: Incarnation;
  readonly key: Buffer;
  readonly window: ReplayWindow;
}

/** Seals and opens the datagrams of one life of one node. */
export class Seal {
  readonly #options: SealOptions;
  readonly #cluster: Buffer;
  readonly #session = randomBytes(SESSION_BYTES);
  readonly #key: Buffer;
  readonly #peers = new Set<NodeId>();
  readonly #lives = new Map<NodeId, PeerLife>();
  #counter = 0;

  constructor(options: SealOptions) {
    this.#options = options;
    this.#cluster = clusterHash(options.cluster);
    for (const peer of options.peers) this.#peers.add(peer);
    this.#key = this.#deriveKey(options.self, this.#session);
  }

  /** The datagram as it goes to the transport. */
  seal(to: NodeId, plain: Uint8Array): Uint8Array {
    const { self, incarnation, featureLevel } = this.#options;
    this.#counter += 1;
    assert(this.#counter < MAX_COUNTER, "the counter of sealed datagrams has run out");
    const header = Buffer.allocUnsafe(HEADER_BYTES);
    header[0] = MAGIC;
    header[1] = WIRE_VERSION;
    header.writeUInt16BE(featureLevel, 2);
    this.#cluster.copy(header, 4);
    header.writeUInt32BE(self, 12);
    header.writeUInt32BE(to, 16);
    this.#session.copy(header, 20);
    writeUint64(header, incarnation, 28);
    writeUint64(header, this.#counter, 36);
    const cipher = createCipheriv("aes-256-gcm", this.#key, nonceOf(header), { authTagLength: TAG_BYTES });
    cipher.setAAD(header);
    const body = cipher.update(plain);
    cipher.final();
    return Buffer.concat([header, body, cipher.getAuthTag()]);
  }

  /** What a peer sealed for this node, or why it is dropped. Never throws. */
  open(sealed: Uint8Array): Opened | SealFault {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    const fault = this.#judgeHeader(bytes);
    if (fault !== undefined) return fault;
    const from = bytes.readUInt32BE(12);
    const session = bytes.subarray(20, 28);
    const incarnation = readUint64(bytes, 28);
    const counter = readUint64(bytes, 36);
    const known = this.#lives.get(from);
    const current = known?.session.equals(session) === true ? known : undefined;
    if (current !== undefined && !current.window.isNew(counter)) return "replayed";
    const key = current?.key ?? this.#deriveKey(from, session);
    const plain = unseal(bytes, key);
    if (plain === undefined) return "wrong-key";
    let life = current;
    if (life === undefined) {
      // A life is replaced by a later one only; an earlier one can only be a recording.
      if (known !== undefined && known.incarnation >= incarnation) return "old-life";
      life = { session: Buffer.from(session), incarnation, key, window: new ReplayWindow() };
      this.#lives.set(from, life);
    }
    life.window.add(counter);
    return { from, incarnation: life.incarnation, featureLevel: bytes.readUInt16BE(2), bytes: plain };
  }

  #judgeHeader(bytes: Buffer): SealFault | undefined {
    if (bytes.length < HEADER_BYTES + TAG_BYTES || bytes[0] !== MAGIC) return "not-systole";
    const version = bytes[1] ?? 0;
    if (version > WIRE_VERSION) return "too-new";
    if (version < WIRE_VERSION) return "too-old";
    if (!bytes.subarray(4, 4 + CLUSTER_BYTES).equals(this.#cluster)) return "foreign-cluster";
    const from = bytes.readUInt32BE(12);
    if (!this.#peers.has(from)) return "unknown-node";
    if (bytes.readUInt32BE(16) !== this.#options.self) return "misdirected";
    return undefined;
  }

  #deriveKey(sender: NodeId, session: Uint8Array): Buffer {
    const info = Buffer.alloc(8);
    info.writeUInt32BE(WIRE_VERSION, 0);
    info.writeUInt32BE(sender, 4);
    const context = Buffer.concat([Buffer.from("systole datagram"), info, session]);
    return Buffer.from(hkdfSync("sha256", this.#options.key, this.#cluster, context, 32));
  }
}

function unseal(bytes: Buffer, key: Buffer): Uint8Array | undefined {
  const header = bytes.subarray(0, HEADER_BYTES);
  const end = bytes.length - TAG_BYTES;
  const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(header), { authTagLength: TAG_BYTES });
  decipher.setAAD(header);
  decipher.setAuthTag(bytes.subarray(end));
  const plain = decipher.update(bytes.subarray(HEADER_BYTES, end));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return plain;
}

/** 96 bits: zeroes and the counter. The key belongs to one session, so no nonce is ever used twice with it. */
function nonceOf(header: Buffer): Buffer {
  const nonce = Buffer.alloc(12);
  header.copy(nonce, 4, 36, 44);
  return nonce;
}

function clusterHash(name: string): Buffer {
  return createHash("sha256").update("systole cluster\0").update(name).digest().subarray(0, CLUSTER_BYTES);
}

function writeUint64(buffer: Buffer, value: number, at: number): void {
  buffer.writeUInt32BE(Math.floor(value / 2 ** 32), at);
  buffer.writeUInt32BE(value % 2 ** 32, at + 4);
}

function readUint64(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4);
}

/** Which of the last REPLAY_WINDOW counters of a sender have been seen: a ring of bits. */
class ReplayWindow {
  readonly #bits = new Uint32Array(REPLAY_WINDOW / 32);
  #newest = 0;

  isNew(counter: number): boolean {
    if (counter > this.#newest) return true;
    if (counter <= this.#newest - REPLAY_WINDOW) return false;
    const slot = counter % REPLAY_WINDOW;
    return ((this.#bits[slot >>> 5] ?? 0) & (1 << (slot & 31))) === 0;
  }

  add(counter: number): void {
    if (counter > this.#newest) {
      const passed = Math.min(counter - this.#newest, REPLAY_WINDOW);
      for (let step = 1; step <= passed; step += 1) this.#clear((this.#newest + step) % REPLAY_WINDOW);
      this.#newest = counter;
    }
    const slot = counter % REPLAY_WINDOW;
    this.#bits[slot >>> 5] = (this.#bits[slot >>> 5] ?? 0) | (1 << (slot & 31));
  }

  #clear(slot: number): void {
    this.#bits[slot >>> 5] = (this.#bits[slot >>> 5] ?? 0) & ~(1 << (slot & 31));
  }
}
