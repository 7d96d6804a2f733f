// The CIB in memory: an immutable tree of elements with structural sharing.
//
// A change makes new elements only on the path from the root to what it touches; everything else is the same object in
// both trees. So a snapshot is a reference, and comparing two trees skips every subtree that is the same object.

/** One element of the CIB (Pacemaker's vocabulary). Never modified after it was made. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
}

const NO_CHILDREN: readonly Element[] = [];

/** Makes an element. Attributes whose value is undefined are left out. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | undefined>> = {},
  children: readonly Element[] = NO_CHILDREN,
): Element {
  const kept: Record<string, string> = {};
  for (const key in attributes) {
    const value = attributes[key];
    if (value !== undefined) kept[key] = value;
  }
  return { name, attributes: kept, children };
}

/** The first child of that name (and id, where given). */
export function childNamed(parent: Element | undefined, name: string, id?: string): Element | undefined {
  if (parent === undefined) return undefined;
  // A loop: this is asked more often than anything else.
  for (const child of parent.children) {
    if (child.name === name && (id === undefined || child.attributes["id"] === id)) return child;
  }
  return undefined;
}

/** All children of that name. */
export function childrenNamed(parent: Element | undefined, name: string): readonly Element[] {
  return parent === undefined ? NO_CHILDREN : parent.children.filter((child) => child.name === name);
}

/** The same element with other children; the element itself when they are the same objects. */
export function withChildren(parent: Element, children: readonly Element[]): Element {
  const same = children.length === parent.children.length && children.every((child, i) => child === parent.children[i]);
  return same ? parent : { name: parent.name, attributes: parent.attributes, children };
}

/** Whether two elements say the same; a look at nothing where they are the same object. */
export function sameElement(a: Element, b: Element): boolean {
  return a === b || (a.name === b.name && sameAttributes(a, b) && sameElements(a.children, b.children));
}

/** Whether two lists of elements say the same, in the same order. */
export function sameElements(a: readonly Element[], b: readonly Element[]): boolean {
  if (a === b) return true;
  return a.length === b.length && a.every((child, at) => isSame(child, b[at]));
}

function isSame(a: Element, b: Element | undefined): boolean {
  return b !== undefined && sameElement(a, b);
}

/** Whether two elements have the same attributes, in whatever order. */
export function sameAttributes(a: Element, b: Element): boolean {
  if (a.attributes === b.attributes) return true;
  for (const name in a.attributes) if (a.attributes[name] !== b.attributes[name]) return false;
  for (const name in b.attributes) if (!Object.hasOwn(a.attributes, name)) return false;
  return true;
}

/** The same element with some attributes set (a string) or removed (undefined). */
export function withAttributes(parent: Element, changes: Readonly<Record<string, string | undefined>>): Element {
  const attributes: Record<string, string> = {};
  for (const key in parent.attributes) {
    const value = Object.hasOwn(changes, key) ? changes[key] : parent.attributes[key];
    if (value !== undefined) attributes[key] = value;
  }
  for (const key in changes) {
    const value = changes[key];
    if (value !== undefined && !Object.hasOwn(parent.attributes, key)) attributes[key] = value;
  }
  return { name: parent.name, attributes, children: parent.children };
}
