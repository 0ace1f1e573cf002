/** Values of a configuration file, each checked for its type; errors name the field. Pure. @module */
import { isQuantity, parseDuration, parseQuantity, quantityValue } from "#apimachinery";

export function object(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Readonly<Record<string, unknown>>;
  throw new Error(`${name} must be an object`);
}

export function list(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  throw new Error(`${name} must be a list`);
}

export function bool(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw new Error(`${name} must be true or false`);
}

export function whole(value: unknown, name: string): number {
  if (Number.isSafeInteger(value)) return value as number;
  throw new Error(`${name} must be a whole number`);
}

export function string(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw new Error(`${name} must be a string`);
}

export function stringList(value: unknown, name: string): readonly string[] {
  return list(value, name).map((one) => string(one, name));
}

export function ms(value: unknown, name: string): number {
  try {
    return parseDuration(String(value));
  } catch (cause) {
    throw new Error(`${name}: ${(cause as Error).message}`, { cause });
  }
}

export function bytes(value: unknown, name: string): number {
  const text = String(value);
  if (!isQuantity(text)) throw new Error(`${name} must be a quantity like 10Mi`);
  return quantityValue(parseQuantity(text));
}

export function strings(value: unknown, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(object(value, name)).map(([key, v]) => [key, String(v)]));
}

export function quantities(value: unknown, name: string): Readonly<Record<string, string>> {
  const map = strings(value, name);
  for (const [key, text] of Object.entries(map))
    if (!isQuantity(text)) throw new Error(`${name}.${key} must be a quantity like 500Mi`);
  return map;
}
