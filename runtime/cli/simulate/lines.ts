// Items of nested lists, as crm_simulate prints them: each level is two spaces further in, and starts with a star.

/** Collects lines. */
export class Lines {
  readonly lines: string[] = [];
  private level = 1;

  item(text: string): void {
    this.lines.push(`${"  ".repeat(this.level)}* ${text}`);
  }

  list(header: string, content: () => void): void {
    this.item(`${header}:`);
    this.level += 1;
    content();
    this.level -= 1;
  }

  gap(): void {
    this.lines.push("");
  }
}
