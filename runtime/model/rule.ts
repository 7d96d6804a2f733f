// Rules: does a set of attributes, or a preference for a node, hold here and now?
// Source of the form: Pacemaker Explained, "Rules"; what is not a valid rule does not hold.

import type { Element } from "../kernel/cib/element.ts";
import { type CalendarDuration, parseIntervalMs } from "./duration.ts";
import { addDuration, calendarFields, parseZonedInstant, type ZonedInstant } from "./iso8601.ts";
import { leadingInteger } from "./score.ts";
import { compareText, compareVersions } from "./text.ts";

/** What a rule may look at. Absent means: a condition about it sees nothing. */
export interface RuleInput {
  readonly nowEpochSeconds: number;
  readonly zoneMinutes: number;
  /** Attributes of the node in question. */
  readonly nodeAttributes?: ReadonlyMap<string, string> | undefined;
  /** Parameters and meta attributes of the resource, for value-source. */
  readonly parameters?: ReadonlyMap<string, string> | undefined;
  readonly meta?: ReadonlyMap<string, string> | undefined;
  /** Class, provider and type of the resource, for rsc_expression. */
  readonly resourceClass?: string | undefined;
  readonly provider?: string | undefined;
  readonly type?: string | undefined;
  /** Name and interval of the operation, for op_expression. */
  readonly operation?: string | undefined;
  readonly intervalMs?: number | undefined;
  /** Parts of the resource's id that a pattern matched; %0 … %9 in attribute names stand for them. */
  readonly matches?: readonly (string | undefined)[] | undefined;
  /** Follows id-ref. */
  readonly resolve: (element: Element) => Element | undefined;
  /** Told of the second at which the answer may become another. */
  readonly changesAt?: (epochSeconds: number) => void;
}

/** Puts the matched parts in place of %0 … %9. */
export function replaceMatches(text: string, matches: readonly (string | undefined)[] | undefined): string {
  if (matches === undefined || matches.length === 0 || !text.includes("%")) return text;
  return text.replace(/%(\d)/g, (_, digit: string) => matches[Number(digit)] ?? "");
}

/** Whether a rule holds. */
export function ruleHolds(rule: Element, input: RuleInput): boolean {
  const resolved = input.resolve(rule);
  if (resolved === undefined || !resolved.attributes["id"]) return false;
  const combine = (resolved.attributes["boolean-op"] ?? "and").toLowerCase();
  if (combine !== "and" && combine !== "or") return false;
  if (resolved.children.length === 0) return true;
  if (combine === "and") return resolved.children.every((condition) => conditionHolds(condition, input));
  return resolved.children.some((condition) => conditionHolds(condition, input));
}

function conditionHolds(condition: Element, input: RuleInput): boolean {
  switch (condition.name) {
    case "rule":
      return ruleHolds(condition, input);
    case "expression":
      return expressionHolds(condition, input);
    case "date_expression":
      return dateHolds(condition, input);
    case "rsc_expression":
      return resourceHolds(condition, input);
    case "op_expression":
      return operationHolds(condition, input);
    default:
      return false;
  }
}

function resourceHolds(condition: Element, input: RuleInput): boolean {
  const { id, class: resourceClass, provider, type } = condition.attributes;
  if (!id) return false;
  if (resourceClass !== undefined && resourceClass !== input.resourceClass) return false;
  if (provider !== undefined && provider !== input.provider) return false;
  return type === undefined || type === input.type;
}

function operationHolds(condition: Element, input: RuleInput): boolean {
  const { id, name, interval } = condition.attributes;
  if (!id || name === undefined || name !== input.operation) return false;
  return interval === undefined || parseIntervalMs(interval) === input.intervalMs;
}

function expressionHolds(condition: Element, input: RuleInput): boolean {
  const { id, attribute, operation, value, type } = condition.attributes;
  if (!id || attribute === undefined || operation === undefined) return false;
  const comparison = operation.toLowerCase();
  const actual = input.nodeAttributes?.get(replaceMatches(attribute, input.matches));
  if (comparison === "defined") return value === undefined && actual !== undefined;
  if (comparison === "not_defined") return value === undefined && actual === undefined;
  if (value === undefined) return false;
  const source = (condition.attributes["value-source"] ?? "literal").toLowerCase();
  let reference: string | undefined;
  if (source === "literal") reference = value;
  else if (source === "param") reference = input.parameters?.get(value);
  else if (source === "meta") reference = input.meta?.get(value);
  else return false;
  const order = compareAs(valueType(type, comparison, actual, reference), actual, reference);
  if (order === undefined) return false;
  if (comparison === "eq") return order === 0;
  if (comparison === "ne") return order !== 0;
  if (actual === undefined || reference === undefined) return false;
  if (comparison === "lt") return order < 0;
  if (comparison === "lte") return order <= 0;
  if (comparison === "gt") return order > 0;
  return comparison === "gte" && order >= 0;
}

/** How values are compared when the expression does not say: order means numbers, equality means text. */
function valueType(
  type: string | undefined,
  comparison: string,
  actual: string | undefined,
  reference: string | undefined,
): string {
  if (type !== undefined) return type.toLowerCase();
  if (comparison === "eq" || comparison === "ne") return "string";
  return actual?.includes(".") || reference?.includes(".") ? "number" : "integer";
}

function compareAs(type: string, one: string | undefined, other: string | undefined): number | undefined {
  if (!["string", "integer", "number", "version"].includes(type)) return undefined;
  if (other === undefined) return one === undefined ? 0 : 1;
  if (one === undefined) return -1;
  if (type === "version") return compareVersions(one, other);
  if (type !== "string") {
    const read = type === "integer" ? leadingInteger : leadingNumber;
    const [left, right] = [read(one), read(other)];
    if (left !== undefined && right !== undefined) return left - right;
  }
  return compareText(one.toLowerCase(), other.toLowerCase());
}

function leadingNumber(text: string): number | undefined {
  const number = Number.parseFloat(text);
  return Number.isNaN(number) ? undefined : number;
}

function dateHolds(condition: Element, input: RuleInput): boolean {
  if (!condition.attributes["id"]) return false;
  const operation = (condition.attributes["operation"] ?? "in_range").toLowerCase();
  if (operation === "in_range") return inRange(condition, input);
  if (operation === "date_spec") {
    const spec = condition.children.find((child) => child.name === "date_spec");
    return spec !== undefined && specHolds(spec, input);
  }
  if (operation === "gt") {
    const start = instantOf(condition, "start", input);
    if (start === undefined || start === "invalid") return false;
    if (input.nowEpochSeconds > start.epochSeconds) return true;
    input.changesAt?.(start.epochSeconds + 1);
    return false;
  }
  if (operation !== "lt") return false;
  const end = instantOf(condition, "end", input);
  if (end === undefined || end === "invalid" || input.nowEpochSeconds >= end.epochSeconds) return false;
  input.changesAt?.(end.epochSeconds);
  return true;
}

function instantOf(condition: Element, name: string, input: RuleInput): ZonedInstant | undefined | "invalid" {
  const text = condition.attributes[name];
  return text === undefined ? undefined : (parseZonedInstant(text, input.zoneMinutes) ?? "invalid");
}

function inRange(condition: Element, input: RuleInput): boolean {
  const start = instantOf(condition, "start", input);
  const last = instantOf(condition, "end", input);
  if (start === "invalid" || last === "invalid" || (start === undefined && last === undefined)) return false;
  let end = last?.epochSeconds;
  const duration = condition.children.find((child) => child.name === "duration");
  if (end === undefined && duration !== undefined && start !== undefined) {
    const parts = durationOf(duration);
    if (parts === undefined) return false;
    end = addDuration(start, parts);
  }
  const now = input.nowEpochSeconds;
  if (start !== undefined && now < start.epochSeconds) {
    input.changesAt?.(start.epochSeconds);
    return false;
  }
  if (end === undefined) return true;
  if (now > end) return false;
  input.changesAt?.(end + 1);
  return true;
}

function durationOf(duration: Element): CalendarDuration | undefined {
  if (!duration.attributes["id"]) return undefined;
  const read = (name: string) => {
    const text = duration.attributes[name];
    return text === undefined ? 0 : leadingInteger(text);
  };
  const [years, months, weeks, days] = [read("years"), read("months"), read("weeks"), read("days")];
  const [hours, minutes, seconds] = [read("hours"), read("minutes"), read("seconds")];
  if (years === undefined || months === undefined || weeks === undefined || days === undefined) return undefined;
  if (hours === undefined || minutes === undefined || seconds === undefined) return undefined;
  return { years, months, days: weeks * 7 + days, seconds: hours * 3600 + minutes * 60 + seconds };
}

function specHolds(spec: Element, input: RuleInput): boolean {
  if (!spec.attributes["id"]) return false;
  const now = calendarFields(input.nowEpochSeconds, input.zoneMinutes);
  const fields: readonly (readonly [string, number])[] = [
    ["years", now.year],
    ["months", now.month],
    ["monthdays", now.day],
    ["hours", now.hour],
    ["minutes", now.minute],
    ["seconds", now.second],
    ["yeardays", now.yearDay],
    ["weekyears", now.weekYear],
    ["weeks", now.week],
    ["weekdays", now.weekDay],
  ];
  return fields.every(([name, value]) => {
    const range = spec.attributes[name];
    return range === undefined || rangeHolds(range, value);
  });
}

/** "5", "5-8", "5-" or "-8". */
function rangeHolds(range: string, value: number): boolean {
  const match = /^(\d*)(-?)(\d*)$/.exec(range);
  if (match === null || (match[1] === "" && match[3] === "")) return false;
  if (match[1] !== "" && value < Number(match[1])) return false;
  if (match[2] === "") return value <= Number(match[1]);
  return match[3] === "" || value <= Number(match[3]);
}
