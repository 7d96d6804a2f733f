// What is wrong with a CIB, as data and in words: which element, where, because of what, and what to do.

/** One fault. An `error` refuses the whole document; a `warning` is told and let through. */
export interface Problem {
  readonly severity: "error" | "warning";
  /** For programs: duplicate-id, unknown-element, dangling-reference, … */
  readonly code: string;
  /** Name of the element. */
  readonly element: string;
  /** Its id, where it has one. */
  readonly id?: string;
  /** Where it stands: `/cib/configuration/resources/primitive[@id='web']`. */
  readonly path: string;
  /** Cause, effect or next step, in a sentence or two. */
  readonly text: string;
}

/** No more are collected than a person would read; the rest is counted in the last one. */
export const MAX_PROBLEMS = 100;

/** A place in the document, linked upwards so that the path's text is only made when something is wrong there. */
export interface Place {
  readonly parent: Place | undefined;
  readonly name: string;
  readonly id: string | undefined;
}

/** The place as an XPath. */
function pathText(place: Place): string {
  const steps: string[] = [];
  for (let at: Place | undefined = place; at !== undefined; at = at.parent) {
    steps.push(at.id === undefined ? at.name : `${at.name}[@id='${at.id}']`);
  }
  return `/${steps.reverse().join("/")}`;
}

/** Collects problems up to the bound. */
export class Problems {
  /** Whether anybody wants to hear of what is let through: looking for it costs time. */
  readonly wantsWarnings: boolean;
  readonly #found: Problem[] = [];
  #more = 0;

  constructor(wanted: "all" | "errors" = "all") {
    this.wantsWarnings = wanted === "all";
  }

  /** Notes a fault at a place. */
  add(severity: Problem["severity"], code: string, place: Place, text: string): void {
    if (severity === "warning" && !this.wantsWarnings) return;
    if (this.#found.length >= MAX_PROBLEMS) {
      this.#more += 1;
      return;
    }
    const where = { element: place.name, ...(place.id === undefined ? {} : { id: place.id }), path: pathText(place) };
    this.#found.push({ severity, code, ...where, text });
  }

  /** Whether it makes sense to go on looking. */
  get full(): boolean {
    return this.#found.length >= MAX_PROBLEMS;
  }

  /** All of them, errors first, otherwise in the order of the document. */
  list(): Problem[] {
    const errors = this.#found.filter((problem) => problem.severity === "error");
    const warnings = this.#found.filter((problem) => problem.severity === "warning");
    const all = [...errors, ...warnings];
    if (this.#more === 0) return all;
    const text = `${this.#more} further problems are not listed. Correct these first.`;
    return [...all, { severity: "error", code: "too-many-problems", element: "cib", path: "/cib", text }];
  }
}
