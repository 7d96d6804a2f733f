// Reads CIBs from files and from standard input, refusing what is no CIB with the reason.

import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { parseXml, XmlError } from "../compat/xml.ts";
import { EXIT, errorText, systemCode } from "../host/errors.ts";
import { type Element, element } from "../kernel/cib/element.ts";
import { type Problem, problemText, validateCib } from "../model/validate.ts";
import { CliFailure } from "./failure.ts";
import type { CliIo } from "./io.ts";

/** No CIB is larger; what is, is not even read whole. */
const MAX_CIB_BYTES = 64 * 1024 * 1024;

/** What a file name is called in messages. */
function called(file: string): string {
  return file === "-" ? "The standard input" : file;
}

function dataFailure(code: string, message: string, details: readonly string[] = []): CliFailure {
  return new CliFailure(code, EXIT.data, message, details);
}

/** A CIB, and the text that it was read from. */
export interface CibDocument {
  readonly cib: Element;
  readonly text: string;
}

/**
 * Reads a file as an XML document. A <configuration> alone is put into a <cib>.
 * @throws CliFailure when it cannot be read or is no CIB in XML; says where and why.
 */
export async function readCibFile(io: CliIo, file: string): Promise<Element> {
  return (await readCibDocument(io, file)).cib;
}

/** The same with the text. */
export async function readCibDocument(io: CliIo, file: string): Promise<CibDocument> {
  const bytes = file === "-" ? await io.readStdin(MAX_CIB_BYTES) : readBytes(file);
  if (bytes.length > MAX_CIB_BYTES) throw tooLarge(file);
  const text = decode(bytes, file);
  const root = parse(text, file);
  if (root.name === "configuration") return { cib: element("cib", {}, [root]), text };
  if (root.name === "cib") return { cib: root, text };
  throw dataFailure(
    "not-a-cib",
    `${called(file)} is a <${root.name.slice(0, 80)}> and no CIB. Give a <cib> or a <configuration>, as "systole cib query" prints it.`,
  );
}

function tooLarge(file: string): CliFailure {
  return dataFailure(
    "too-large",
    `${called(file)} has more than ${MAX_CIB_BYTES} bytes, so it was not read. A CIB is much smaller: check what it is.`,
  );
}

function readBytes(file: string): Uint8Array {
  let handle: number | undefined;
  try {
    handle = openSync(file, "r");
    if (fstatSync(handle).size > MAX_CIB_BYTES) throw tooLarge(file);
    return readFileSync(handle);
  } catch (error) {
    if (error instanceof CliFailure) throw error;
    const remedy =
      systemCode(error) === "ENOENT"
        ? "Name the file that you mean, or - for standard input."
        : "Check the file and its permissions.";
    throw new CliFailure("file-unreadable", EXIT.failed, `${file} cannot be read (${errorText(error)}). ${remedy}`);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw dataFailure(
      "not-utf8",
      `${called(file)} is not UTF-8 text, so it was not read as XML. Convert it (iconv -t UTF-8), or check what it is.`,
    );
  }
}

function parse(text: string, file: string): Element {
  try {
    return parseXml(text);
  } catch (error) {
    if (error instanceof XmlError) throw dataFailure(error.code, `${called(file)}, ${error.message}`);
    throw error;
  }
}

/**
 * Checks a CIB; its warnings are returned.
 * @throws CliFailure with all of its errors.
 */
export function refuseInvalid(cib: Element, file: string): readonly Problem[] {
  const problems = validateCib(cib);
  const errors = problems.filter((problem) => problem.severity === "error");
  if (errors.length === 0) return problems;
  const [first] = errors;
  const count = errors.length === 1 ? "an error" : `${errors.length} errors`;
  throw dataFailure(
    first?.code ?? "invalid",
    `${called(file)} has ${count}, so nothing of it was taken:`,
    errors.map(problemText),
  );
}
