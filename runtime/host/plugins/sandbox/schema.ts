// The parameters' schema of a plugin, rebuilt from plain data: only what the SDK's builders make, bounded in depth and size.
// What comes out is TypeBox's own, so that defaults and checks work on it.

import * as Type from "typebox";

/** Parameters of parameters of parameters are none. */
const MAXIMUM_DEPTH = 5;
const MAXIMUM_PROPERTIES = 256;
const MAXIMUM_PATTERN_LENGTH = 1_000;

/** Members that a schema may have besides those that say its form. */
const OPTIONS: Readonly<Record<string, "string" | "number" | "boolean" | "any">> = {
  ...{ title: "string", description: "string", systole: "string", format: "string", pattern: "string", default: "any" },
  ...{ minLength: "number", maxLength: "number", minimum: "number", maximum: "number", multipleOf: "number" },
  ...{ exclusiveMinimum: "number", exclusiveMaximum: "number", minItems: "number", maxItems: "number" },
  ...{ uniqueItems: "boolean", additionalProperties: "boolean" },
};
/** Members that say the form. */
const FORM = new Set(["type", "enum", "const", "anyOf", "items", "properties", "required"]);

/** What is wrong with a schema: a clause. */
export class SchemaProblem extends Error {
  override readonly name = "SchemaProblem";
}

type Plain = Readonly<Record<string, unknown>>;

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkPattern(pattern: string, where: string): void {
  if (pattern.length > MAXIMUM_PATTERN_LENGTH) throw new SchemaProblem(`${where} has a pattern that is too long`);
  try {
    new RegExp(pattern, "u");
  } catch {
    throw new SchemaProblem(`${where} has a pattern that is no regular expression`);
  }
}

/** The members besides the form, each of the type that it has to have. */
function optionsOf(schema: Plain, where: string): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(schema)) {
    if (FORM.has(name)) continue;
    const wanted = Object.hasOwn(OPTIONS, name) ? OPTIONS[name] : undefined;
    if (wanted === undefined) throw new SchemaProblem(`${where} has ${name}, which no builder of the SDK makes`);
    if (wanted !== "any" && typeof value !== wanted) throw new SchemaProblem(`${where}.${name} must be a ${wanted}`);
    options[name] = value;
  }
  if (typeof options["pattern"] === "string") checkPattern(options["pattern"], where);
  return options;
}

function listOf(schema: Plain, name: string, where: string): readonly unknown[] {
  const list = schema[name];
  if (!Array.isArray(list) || list.length === 0 || list.length > MAXIMUM_PROPERTIES)
    throw new SchemaProblem(`${where}.${name} must be a list of 1 to ${MAXIMUM_PROPERTIES}`);
  return list;
}

/** Only numbers, strings, booleans. */
function constant(value: unknown, where: string): string | number | boolean {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  throw new SchemaProblem(`${where} allows a value that is no string, number or boolean`);
}

function property(schema: unknown, where: string, depth: number): Type.TSchema {
  if (!isPlain(schema) || depth > MAXIMUM_DEPTH) throw new SchemaProblem(`${where} is no schema`);
  const options = optionsOf(schema, where);
  if ("enum" in schema)
    return Type.Enum(
      listOf(schema, "enum", where).map((one) => String(constant(one, where))),
      options,
    );
  if ("const" in schema) return Type.Literal(constant(schema["const"], where), options);
  if ("anyOf" in schema) {
    const choices = listOf(schema, "anyOf", where).map((one, index) => property(one, `${where}.${index}`, depth + 1));
    return Type.Union(choices, options);
  }
  switch (schema["type"]) {
    case "string":
      return Type.String(options);
    case "integer":
      return Type.Integer(options);
    case "number":
      return Type.Number(options);
    case "boolean":
      return Type.Boolean(options);
    case "array":
      return Type.Array(property(schema["items"], `${where}.items`, depth + 1), options);
    case "object":
      return objectSchema(schema, where, depth);
    default:
      throw new SchemaProblem(`${where} has no type that parameters can have`);
  }
}

function objectSchema(schema: Plain, where: string, depth: number): Type.TObject {
  const properties = schema["properties"] ?? {};
  const required = schema["required"] ?? [];
  if (!isPlain(properties) || !Array.isArray(required) || Object.keys(properties).length > MAXIMUM_PROPERTIES)
    throw new SchemaProblem(`${where} must have up to ${MAXIMUM_PROPERTIES} properties`);
  const rebuilt = Object.entries(properties).map(([name, member]): [string, Type.TSchema] => {
    if (name === "__proto__") throw new SchemaProblem(`${where} has a parameter of a name that cannot be`);
    const one = property(member, `${where}.${name}`, depth + 1);
    return [name, required.includes(name) ? one : Type.Optional(one)];
  });
  return Type.Object(Object.fromEntries(rebuilt), optionsOf(schema, where));
}

/** Rebuilds the schema of a plugin's parameters. Throws SchemaProblem. */
export function rebuildParameters(schema: unknown): Type.TObject {
  if (!isPlain(schema) || schema["type"] !== "object")
    throw new SchemaProblem("parameters must be a Type.Object({ ... })");
  return objectSchema(schema, "parameters", 0);
}
