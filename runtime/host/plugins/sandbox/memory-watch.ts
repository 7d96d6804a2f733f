// Looks at how much memory a guest takes: often while it is at work or grows, seldom while it rests. All watches look at the same
// moments, so that a node with many plugins wakes no more often than one with a few.

/** While a call is under way, or as long as it grows. */
export const BUSY_LOOK_MS = 100;
/** While nothing happens. A guest that takes memory out of its sleep has this long before it is seen; then it is looked at often. */
export const QUIET_LOOK_MS = 500;
/** Less than this between two looks is no growth. */
const GROWTH_BYTES = 1024 * 1024;

/** What is watched. */
export interface MemoryWatched {
  /** Bytes now. Called first when the guest has had a moment to start. */
  readonly look: () => number;
  readonly limitBytes: number;
  /** Whether somebody waits for the guest. */
  readonly busy: () => boolean;
  /** It takes more than it may. Called once; nothing is looked at afterwards. */
  readonly excess: (bytes: number) => void;
}

/** A watch. */
export interface MemoryWatch {
  /** The guest is given work: it is looked at soon. */
  stir(): void;
  stop(): void;
}

/** Watches until it is stopped. */
export function watchMemory({ look, limitBytes, busy, excess }: MemoryWatched): MemoryWatch {
  let timer: NodeJS.Timeout | undefined;
  let stepMs = BUSY_LOOK_MS;
  let last = 0;
  const arm = (delayMs: number): void => {
    clearTimeout(timer);
    timer = setTimeout(turn, delayMs).unref();
  };
  /** The next of the moments at which all look. */
  const armNext = (): void => arm(stepMs - (Date.now() % stepMs));
  const turn = (): void => {
    const bytes = look();
    if (bytes > limitBytes) {
      excess(bytes);
      return;
    }
    stepMs = busy() || bytes - last >= GROWTH_BYTES ? BUSY_LOOK_MS : QUIET_LOOK_MS;
    last = bytes;
    armNext();
  };
  arm(BUSY_LOOK_MS);
  let stopped = false;
  return {
    stir() {
      if (stopped || stepMs === BUSY_LOOK_MS) return;
      stepMs = BUSY_LOOK_MS;
      armNext();
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
