// Who waits for the answer to which request. Several may wait for the same id: a client that lost its connection asks again.

/** Answers by request id. */
export class Waiters<Answer> {
  readonly #waiting = new Map<string, ((answer: Answer) => void)[]>();

  /** Resolves with the next answer for this id. */
  wait(id: string): Promise<Answer> {
    return new Promise((resolve) => {
      const others = this.#waiting.get(id);
      if (others === undefined) this.#waiting.set(id, [resolve]);
      else others.push(resolve);
    });
  }

  answer(id: string, answer: Answer): void {
    const waiting = this.#waiting.get(id) ?? [];
    this.#waiting.delete(id);
    for (const resolve of waiting) resolve(answer);
  }
}
