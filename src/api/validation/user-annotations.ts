/** What authors of pods tell signers of certificates: keys with a domain, any values. @module */
import { byteLength, field, isQualifiedName } from "#apimachinery";
import { all, NONE, type Causes } from "./common.ts";

/** As many as an object's own annotations. */
const BYTES_MAX = 256 * 1024;

export function validateUserAnnotations(annotations: Readonly<Record<string, string>>, path: string): Causes {
  const entries = Object.entries(annotations);
  const size = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  return all(
    entries.flatMap(([key]) => validateKey(key.toLowerCase(), path)),
    size > BYTES_MAX ? [field.tooLong(path, BYTES_MAX)] : NONE,
  );
}

function validateKey(key: string, path: string): Causes {
  if (key === "") return [field.required(path)];
  const problems = isQualifiedName(key);
  if (problems.length > 0) return field.invalidFor(path, key, problems);
  const detail = 'must be a domain-prefixed key (such as "acme.io/foo")';
  return key.includes("/") ? NONE : [field.invalid(path, key, detail)];
}
