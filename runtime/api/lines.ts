// Bytes of a stream -> lines, with a bound on the length of one. Used on both ends of the control API.

const NEWLINE = 0x0a;

/** Puts lines together from pieces of bytes. */
export class LineReader {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that end in this piece, without their newline; `undefined` when a line exceeds the bound (stop reading then). */
  push(piece: Buffer): string[] | undefined {
    const lines: string[] = [];
    let start = 0;
    for (let end = piece.indexOf(NEWLINE); end !== -1; end = piece.indexOf(NEWLINE, start)) {
      if (this.#bytes + end - start > this.#maxBytes) return undefined;
      this.#pieces.push(piece.subarray(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    if (this.#bytes + piece.length - start > this.#maxBytes) return undefined;
    if (start < piece.length) {
      this.#pieces.push(piece.subarray(start));
      this.#bytes += piece.length - start;
    }
    return lines;
  }

  #take(): string {
    const [first] = this.#pieces;
    const line = this.#pieces.length === 1 && first !== undefined ? first : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    return line.toString("utf8");
  }
}
