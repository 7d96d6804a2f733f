// Is this value an element of a CIB? Checked by hand because it is the one recursive and the one bulky thing: a whole CIB
// of a large cluster is tens of thousands of elements.

import type { Element } from "../../kernel/cib/element.ts";

/** Deepest nesting of elements; CIBs have some eleven levels. Above the bound of the XML reader nothing is lost. */
export const MAX_ELEMENT_DEPTH = 64;

/** Longest attribute value, in UTF-16 units. */
const MAX_VALUE_LENGTH = 1_048_576;

/** Longest name of an element or attribute. */
const MAX_NAME_LENGTH = 256;

/** Names as XML has them, without what JavaScript would take for something else. */
const NAME = /^(?!__proto__$)[A-Za-z_][\w.:-]*$/;

/** What XML 1.0 cannot carry, so that every element that is accepted can be written as XML. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones to find
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/** True for a well-formed element tree within the bounds. Never throws. */
export function isElement(value: unknown): value is Element {
  return isElementAt(value, MAX_ELEMENT_DEPTH);
}

function isElementAt(value: unknown, depthLeft: number): boolean {
  if (typeof value !== "object" || value === null || depthLeft === 0) return false;
  if (!("name" in value && "attributes" in value && "children" in value)) return false;
  for (const key in value) if (key !== "name" && key !== "attributes" && key !== "children") return false;
  const { name, attributes, children } = value;
  if (!isName(name) || !isAttributes(attributes) || !Array.isArray(children)) return false;
  for (const child of children) if (!isElementAt(child, depthLeft - 1)) return false;
  return true;
}

function isName(name: unknown): boolean {
  return typeof name === "string" && name.length <= MAX_NAME_LENGTH && NAME.test(name);
}

function isAttributes(attributes: unknown): boolean {
  if (typeof attributes !== "object" || attributes === null || Array.isArray(attributes)) return false;
  for (const [key, value] of Object.entries(attributes)) {
    if (!isName(key) || typeof value !== "string" || value.length > MAX_VALUE_LENGTH || NOT_XML.test(value))
      return false;
  }
  return true;
}
