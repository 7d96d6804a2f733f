// A disk with the product's real store on simulated files: frames, checksums, rotation and recovery are those of production. The store
// waits for promises; the world stands still until they are settled (see EventQueue.yield), so the history is the same each time.

import { SystoleError } from "../../runtime/host/errors.ts";
import { openStore, type Store } from "../../runtime/host/store.ts";
import type { Element } from "../../runtime/kernel/cib/element.ts";
import type { KernelInitial } from "../../runtime/kernel/kernel.ts";
import type { StoreRecord } from "../../runtime/kernel/messages.ts";
import type { PlantedFault } from "../../runtime/kernel/planted-fault.ts";
import type { DiskDials } from "./dials.ts";
import { type Disk, DiskTrouble, type PersistResult } from "./disk.ts";
import { SimulatedFiles } from "./files.ts";
import type { EventQueue } from "./queue.ts";
import type { Random } from "./random.ts";

const DIRECTORY = "/state/cib";
/** Small, so that the next generation of files begins often. */
const ROTATE_BYTES = 30_000;

/** A disk with bytes on it. */
export class StoreDisk implements Disk {
  readonly trouble: DiskTrouble;
  readonly #queue: EventQueue;
  readonly #files: SimulatedFiles;
  readonly #planted: PlantedFault | undefined;
  #store: Store | undefined;
  #life = 0;

  constructor(queue: EventQueue, random: Random, dials: DiskDials, planted: PlantedFault | undefined) {
    this.#queue = queue;
    this.#planted = planted;
    this.trouble = new DiskTrouble(queue, random, dials);
    this.#files = new SimulatedFiles(random, {
      nowMs: () => queue.nowMs,
      failure: () => this.trouble.failure,
      sync: (done) =>
        this.trouble.sync(() => {
          done();
          queue.yield();
        }),
    });
  }

  open(founding: Element, done: (initial: KernelInitial) => void): void {
    const life = this.#life;
    const again = () => {
      if (life === this.#life) this.open(founding, done);
    };
    const timers = { after: (delayMs: number, call: () => void) => this.#after(delayMs, call) };
    openStore(DIRECTORY, { files: this.#files, rotateBytes: ROTATE_BYTES, planted: this.#planted, timers }).then(
      (store) => {
        if (life !== this.#life) return;
        this.#store = store;
        done({ ...store.initial, cib: store.initial.cib ?? founding });
      },
      (error: unknown) => {
        if (!(error instanceof SystoleError)) throw error;
        // As in life: the process ends with the error, and its supervisor starts it again.
        this.#queue.after(RESTART_MS, again);
      },
    );
    this.#queue.yield();
  }

  #after(delayMs: number, call: () => void): () => void {
    const life = this.#life;
    let isCancelled = false;
    this.#queue.after(delayMs, () => {
      if (isCancelled || life !== this.#life) return;
      call();
      this.#queue.yield();
    });
    return () => {
      isCancelled = true;
    };
  }

  persist(records: readonly StoreRecord[], done: (result: PersistResult) => void): void {
    const life = this.#life;
    this.#store?.persist(records).then(
      () => {
        if (life === this.#life) done({ ok: true });
      },
      (error: unknown) => {
        if (!(error instanceof SystoleError)) throw error;
        if (life === this.#life) done({ ok: false, code: error.code, text: error.message });
      },
    );
    this.#queue.yield();
  }

  interrupt(powerLost: boolean): void {
    this.#life += 1;
    this.#store = undefined;
    if (powerLost) this.#files.powerLost();
    else this.#files.processEnded();
  }

  lose(): void {
    this.#files.lose();
  }

  rot(): string | undefined {
    return this.#files.rot();
  }
}

const RESTART_MS = 2_000;
