// XML text <-> elements of the CIB. The only place where XML is read or written as text.
//
// The CIB keeps everything in elements and attributes, so text between tags is dropped. A document type declaration is
// refused: nothing in a CIB needs one, and entities defined in it are the way to make a small file huge.

import { SaxesParser } from "saxes";
import type { Element } from "../kernel/cib/element.ts";

/** What is wrong with a text that was to be XML. */
export type XmlErrorCode = "xml-malformed" | "xml-doctype" | "xml-too-deep" | "xml-too-large" | "xml-reserved-name";

/** A text that is not acceptable as XML; says where (line from 1, column from 0) and what to do about it. */
export class XmlError extends Error {
  override readonly name = "XmlError";
  readonly code: XmlErrorCode;
  readonly line: number;
  readonly column: number;

  constructor(code: XmlErrorCode, message: string, line: number, column: number) {
    super(message);
    this.code = code;
    this.line = line;
    this.column = column;
  }
}

/** Bounds on what is read. */
export interface XmlLimits {
  readonly maxCharacters: number;
  readonly maxElements: number;
  readonly maxDepth: number;
}

/** Generous for a CIB (the largest known are some ten megabytes, eleven levels deep), small enough to stay alive. */
export const DEFAULT_XML_LIMITS: XmlLimits = {
  maxCharacters: 128 * 1024 * 1024,
  maxElements: 4_000_000,
  maxDepth: 64,
};

/** How much text goes to the parser at once, so that an error early in a large text is found early. */
const CHUNK_CHARACTERS = 1 << 20;

interface OpenElement {
  readonly name: string;
  readonly attributes: Record<string, string>;
  children: Element[] | undefined;
}

const NO_CHILDREN: readonly Element[] = Object.freeze([]);
const TOO_LARGE_REMEDY = "If the file is really a CIB, split it or raise the limit.";

/**
 * Reads one XML document.
 * @throws XmlError when the text is not well-formed, has a document type declaration, or exceeds a limit.
 */
export function parseXml(text: string, limits: Partial<XmlLimits> = {}): Element {
  const bounds = { ...DEFAULT_XML_LIMITS, ...limits };
  const parser = new SaxesParser();
  const fail = (code: XmlErrorCode, sentence: string): never => {
    throw new XmlError(code, `line ${parser.line}, column ${parser.column}: ${sentence}`, parser.line, parser.column);
  };
  if (text.length > bounds.maxCharacters) {
    fail(
      "xml-too-large",
      `The text has ${text.length} characters, more than ${bounds.maxCharacters}. ${TOO_LARGE_REMEDY}`,
    );
  }
  const open: OpenElement[] = [];
  let root: Element | undefined;
  let count = 0;
  parser.on("error", (error) => fail("xml-malformed", `Not well-formed XML: ${withoutPosition(error.message)}.`));
  parser.on("doctype", () =>
    fail(
      "xml-doctype",
      "A document type declaration is not accepted, because it can define entities. Remove <!DOCTYPE …>.",
    ),
  );
  parser.on("opentag", (tag) => {
    count += 1;
    if (count > bounds.maxElements)
      fail("xml-too-large", `More than ${bounds.maxElements} elements. ${TOO_LARGE_REMEDY}`);
    if (open.length >= bounds.maxDepth) {
      fail("xml-too-deep", `Elements are nested more than ${bounds.maxDepth} deep. A CIB is not; check the file.`);
    }
    // Keys of plain objects: this one name would change the object instead of being stored in it.
    if (Object.hasOwn(tag.attributes, "__proto__"))
      fail("xml-reserved-name", 'The attribute name "__proto__" is reserved.');
    open.push({ name: tag.name, attributes: { ...tag.attributes }, children: undefined });
  });
  parser.on("closetag", () => {
    const closed = open.pop();
    if (closed === undefined) return;
    const made = { name: closed.name, attributes: closed.attributes, children: closed.children ?? NO_CHILDREN };
    const parent = open[open.length - 1];
    if (parent === undefined) root = made;
    else if (parent.children === undefined) parent.children = [made];
    else parent.children.push(made);
  });
  for (let start = 0; start < text.length; start += CHUNK_CHARACTERS) {
    parser.write(text.slice(start, start + CHUNK_CHARACTERS));
  }
  parser.close();
  return root ?? fail("xml-malformed", "There is no element in the text.");
}

/** The parser's own messages begin with "line:column: "; ours say that in words. */
function withoutPosition(message: string): string {
  return message.replace(/^\d+:\d+: /, "").replace(/\.$/, "");
}

/** How to write. */
export interface XmlFormat {
  /** Put in front of each line, once a level; without it everything goes on one line. */
  readonly indent?: string;
}

/** Writes an element and all below it. Attributes keep their order. Ends with a newline when indented. */
export function formatXml(root: Element, format: XmlFormat = {}): string {
  const parts: string[] = [];
  write(root, format.indent, "", parts);
  return parts.join("");
}

function write(node: Element, indent: string | undefined, margin: string, parts: string[]): void {
  const end = indent === undefined ? "" : "\n";
  parts.push(margin, "<", node.name);
  for (const name in node.attributes) {
    const value = node.attributes[name];
    if (value !== undefined) parts.push(" ", name, '="', escapeXml(value), '"');
  }
  if (node.children.length === 0) {
    parts.push("/>", end);
    return;
  }
  parts.push(">", end);
  const deeper = indent === undefined ? "" : margin + indent;
  for (const child of node.children) write(child, indent, deeper, parts);
  parts.push(margin, "</", node.name, ">", end);
}

const NEEDS_ESCAPE = /[&<>"\t\n\r]/;
const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

/** An attribute value as it stands between double quotes; line ends and tabs as references, so that they survive. */
export function escapeXml(value: string): string {
  if (!NEEDS_ESCAPE.test(value)) return value;
  return value.replace(/[&<>"\t\n\r]/g, (character) => ESCAPES[character] ?? character);
}
