/** Values of flags as Kubernetes' components take them: durations, numbers, booleans with or without a value. @module */
import { InvalidArgumentError } from "commander";
import { parseDuration } from "#apimachinery";

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

const TRUE: readonly string[] = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE: readonly string[] = ["0", "f", "F", "false", "FALSE", "False"];

/** For an option written `--name [bool]`: Go's flags stand alone or have a value. */
export function bool(text: string): boolean {
  if (TRUE.includes(text)) return true;
  if (FALSE.includes(text)) return false;
  throw new InvalidArgumentError("It must be true or false.");
}
