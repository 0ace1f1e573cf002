/** Values of flags as Kubernetes' components take them: durations, numbers, booleans with or without a value. @module */
import { InvalidArgumentError } from "commander";
import { parseBool, parseDuration } from "#apimachinery";

/** `1h30m` as ms. */
export function durationMs(text: string): number {
  try {
    return parseDuration(text);
  } catch {
    throw new InvalidArgumentError("It must be a duration like 30s or 1h30m.");
  }
}

export function decimal(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}

export function whole(text: string): number {
  const value = decimal(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError("It must be a whole number.");
  return value;
}

/** For an option written `--name [bool]`: Go's flags stand alone or have a value. */
export function bool(text: string): boolean {
  const parsed = parseBool(text);
  if (parsed === undefined) throw new InvalidArgumentError("It must be true or false.");
  return parsed;
}
