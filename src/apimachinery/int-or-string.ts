/** Fields that hold a number or a percentage (`maxUnavailable: 25%`). @module */
import { quote } from "./quote.ts";

export type IntOrString = number | string;

/**
 * The value itself, or the percentage of `total`. Throws for strings that are no percentage, with upstream's text.
 */
export function scaledValueFromIntOrPercent(value: IntOrString, total: number, roundUp: boolean): number {
  if (typeof value === "number") return value;
  const percentage = percentageOf(value);
  if (percentage === undefined) throw new Error(`invalid value for IntOrString: ${whyNoPercentage(value)}`);
  const scaled = (percentage * total) / 100;
  return roundUp ? Math.ceil(scaled) : Math.floor(scaled);
}

/** 25 for `25%`; undefined when the string is no percentage. */
export function percentageOf(value: IntOrString): number | undefined {
  if (typeof value === "number" || !/^[-+]?[0-9]+%$/.test(value)) return undefined;
  return Number(value.slice(0, -1));
}

/** A number if the text is a whole 32-bit number, as `intstr.Parse`. */
export function parseIntOrString(text: string): IntOrString {
  if (!/^[-+]?[0-9]+$/.test(text)) return text;
  const number = Number(text);
  return number >= -(2 ** 31) && number < 2 ** 31 ? number : text;
}

function whyNoPercentage(value: string): string {
  if (!value.endsWith("%")) return "invalid type: string is not a percentage";
  return `invalid value ${quote(value)}: strconv.Atoi: parsing ${quote(value.slice(0, -1))}: invalid syntax`;
}
