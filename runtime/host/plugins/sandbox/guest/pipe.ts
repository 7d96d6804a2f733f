// The guest's end of the pipe: takes standard input and output for itself, in Deno as in Node, so that nothing else in this
// process writes where the host listens. The host does not rely on it: it takes every line for hostile.

/** Lines in, lines out. */
export interface Pipe {
  /** "deno 2.9.6" or "node 20.20.0". */
  readonly runtime: string;
  /** Writes a line, which is complete when this returns; waits while the host does not read. What was put off goes first. */
  write(line: string): void;
  /** Writes a line a moment later, with others of this turn: the host is then woken once for all of them. */
  writeSoon(line: string): void;
  /** Calls for each line; resolves at the end of the input. */
  read(onLine: (line: string) => void): Promise<void>;
  /** Ends this process. */
  exit(): never;
}

/** What is used of Deno's namespace. */
interface DenoNamespace {
  readonly version: { readonly deno: string };
  readonly stdin: { read(buffer: Uint8Array): Promise<number | null> };
  readonly stdout: { writeSync(bytes: Uint8Array): number };
  exit(code: number): never;
}

declare const Deno: DenoNamespace | undefined;

const CHUNK_BYTES = 64 * 1024;

/** So many turns of promises a line waits for others: of calls that came together, as many answers come together. */
const TURNS_TO_WAIT = 6;
/** With so much collected, it is written at once. */
const COLLECTED_CHARACTERS = 64 * 1024;

/** Puts lines off until the promises of this turn have settled. */
function collector(write: (text: string) => void): Pick<Pipe, "write" | "writeSoon"> {
  let collected = "";
  const flush = (): void => {
    const text = collected;
    collected = "";
    if (text !== "") write(text);
  };
  const after = async (): Promise<void> => {
    for (let turn = 0; turn < TURNS_TO_WAIT; turn += 1) await undefined;
    flush();
  };
  return {
    write(line) {
      collected += `${line}\n`;
      flush();
    },
    writeSoon(line) {
      if (collected === "") void after();
      collected += `${line}\n`;
      if (collected.length > COLLECTED_CHARACTERS) flush();
    },
  };
}

/** Cuts a stream of chunks into lines. */
function lineCutter(onLine: (line: string) => void): (bytes: Uint8Array) => void {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  return (bytes) => {
    const lines = decoder.decode(bytes, { stream: true }).split("\n");
    const last = lines.pop() ?? "";
    for (const line of lines) {
      const whole = pieces.length === 0 ? line : pieces.join("") + line;
      pieces = [];
      onLine(whole);
    }
    if (last !== "") pieces.push(last);
  };
}

function denoPipe(deno: DenoNamespace): Pipe {
  const { stdin, stdout } = deno;
  const read = stdin.read.bind(stdin);
  const write = stdout.writeSync.bind(stdout);
  const exit = deno.exit.bind(deno);
  const encoder = new TextEncoder();
  return {
    runtime: `deno ${deno.version.deno}`,
    ...collector((text) => {
      let bytes = encoder.encode(text);
      while (bytes.length > 0) bytes = bytes.subarray(write(bytes));
    }),
    async read(onLine) {
      const cut = lineCutter(onLine);
      const buffer = new Uint8Array(CHUNK_BYTES);
      for (;;) {
        const size = await read(buffer);
        if (size === null) return;
        cut(buffer.subarray(0, size));
      }
    },
    exit: () => exit(0),
  };
}

function nodePipe(): Pipe {
  const { stdin, stdout, versions } = process;
  const write = stdout.write.bind(stdout);
  const exit = process.exit.bind(process);
  return {
    runtime: `node ${versions.node}`,
    ...collector((text) => void write(text)),
    async read(onLine) {
      const cut = lineCutter(onLine);
      for await (const chunk of stdin) if (chunk instanceof Uint8Array) cut(chunk);
    },
    exit: () => exit(0),
  };
}

/** Opens the pipe of this process. To be called once, before anything foreign runs here. */
export function openPipe(): Pipe {
  return typeof Deno === "undefined" ? nodePipe() : denoPipe(Deno);
}
