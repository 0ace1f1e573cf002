/** Names around devices: of pools, devices, requests, attributes and their domains. @module */
import { byteLength, field, isCIdentifier, isDns1123Label, isDns1123Subdomain } from "#apimachinery";
import { all, NONE, obeys, type Causes } from "../../validation/common.ts";
import { validateCsiDriverName } from "../../validation/volume-sources.ts";

const POOL_BYTES_MAX = 253;
const IDENTIFIER_BYTES_MAX = 32;
const UUID_LENGTH = 36;

export const validateDriverName: typeof validateCsiDriverName = validateCsiDriverName;

/** Labels of DNS, for devices, requests, counters and their sets. An empty name is an invalid one. */
export function validateLabelLike(name: string, path: string): Causes {
  return obeys(isDns1123Label, name, path);
}

/** Subdomains of DNS with slashes between them. */
export function validatePoolName(name: string, path: string): Causes {
  if (name === "") return [field.required(path)];
  return all(
    byteLength(name) > POOL_BYTES_MAX ? [field.tooLong(path, POOL_BYTES_MAX)] : NONE,
    name
      .split("/")
      .flatMap((part) => isDns1123Subdomain(part).map((message) => field.invalid(path, part, message))),
  );
}

/** `name` or `domain/name`. */
export function validateQualifiedName(name: string, path: string): Causes {
  const parts = name.split("/");
  if (parts.length === 1) return validateIdentifier(name, path);
  if (parts.length > 2) return NONE;
  const [domain = "", id = ""] = parts;
  return all(
    domain === ""
      ? [field.invalid(path, "", "the domain must not be empty")]
      : validateDriverName(domain, path),
    id === "" ? [field.invalid(path, "", "the name must not be empty")] : validateIdentifier(id, path),
  );
}

export function validateFullyQualifiedName(name: string, path: string): Causes {
  const message = "a fully qualified name must be a domain and a name separated by a slash";
  return all(
    validateQualifiedName(name, path),
    name.includes("/") ? NONE : [field.invalid(path, name, message)],
  );
}

function validateIdentifier(id: string, path: string): Causes {
  return all(
    byteLength(id) > IDENTIFIER_BYTES_MAX ? [field.tooLong(path, IDENTIFIER_BYTES_MAX)] : NONE,
    obeys(isCIdentifier, id, path),
  );
}

const NORMAL_FORM =
  "uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters";

export function validateUid(uid: string, path: string): Causes {
  const problem = uuidProblem(uid);
  if (problem !== undefined) return [field.invalid(path, uid, `error validating uid: ${problem}`)];
  if (uid.length === UUID_LENGTH && uid === uid.toLowerCase()) return NONE;
  return [field.invalid(path, uid, NORMAL_FORM)];
}

const DASHED = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;
const FORMAT = "invalid UUID format";

/** In the words of the library that upstream parses with, which takes four notations. */
function uuidProblem(text: string): string | undefined {
  switch (text.length) {
    case UUID_LENGTH:
      return DASHED.test(text) ? undefined : FORMAT;
    case UUID_LENGTH + 9: {
      const prefix = text.slice(0, 9);
      if (prefix.toLowerCase() !== "urn:uuid:") return `invalid urn prefix: ${JSON.stringify(prefix)}`;
      return DASHED.test(text.slice(9)) ? undefined : FORMAT;
    }
    case UUID_LENGTH + 2:
      if (!text.startsWith("{") || !text.endsWith("}")) return "invalid bracketed UUID format";
      return DASHED.test(text.slice(1, -1)) ? undefined : FORMAT;
    case UUID_LENGTH - 4:
      return /^[\da-f]{32}$/i.test(text) ? undefined : FORMAT;
    default:
      return `invalid UUID length: ${byteLength(text)}`;
  }
}
