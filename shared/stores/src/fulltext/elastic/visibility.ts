/**
 * When queries see what was written: within a second by the index's own refresh, at once by asking for one. Asking is
 * dear (each refresh makes a segment), so many who ask at once share one, and none is asked for where nothing was
 * written.
 */
export class Visibility {
  readonly #refresh: () => Promise<void>;
  // Another process may have written before this one began.
  #written = 1;
  #shown = 0;
  #running: Promise<void> | null = null;

  constructor(refresh: () => Promise<void>) {
    this.#refresh = refresh;
  }

  /** Something was written, or may have been. */
  wrote(): void {
    this.#written++;
  }

  /** Resolves when all that was written before the call is visible. */
  async show(): Promise<void> {
    const wanted = this.#written;
    // One that runs may have begun too early; the next one that begins has not.
    while (this.#shown < wanted) {
      this.#running ??= this.#run();
      await this.#running;
    }
  }

  async #run(): Promise<void> {
    const written = this.#written;
    try {
      await this.#refresh();
      this.#shown = Math.max(this.#shown, written);
    } finally {
      this.#running = null;
    }
  }
}
