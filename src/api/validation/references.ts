/** References to objects by name, and names with a domain in front. @module */
import { field, isDns1123Subdomain, isHttpPath, isPathSegmentName } from "#apimachinery";
import { all, NONE, obeys, requiredName, type Causes } from "./common.ts";

interface TypedReference {
  readonly apiGroup?: string;
  readonly kind: string;
  readonly name: string;
}

/** `apiGroup`, `kind` and `name` of anything. */
export function validateTypedReference({ apiGroup, kind, name }: TypedReference, path: string): Causes {
  return all(
    apiGroup === undefined ? NONE : obeys(isDns1123Subdomain, apiGroup, field.child(path, "apiGroup")),
    requiredName(isPathSegmentName, kind, field.child(path, "kind")),
    requiredName(isPathSegmentName, name, field.child(path, "name")),
  );
}

/** `example.com/controller`. */
export function validateDomainPrefixedPath(value: string, path: string): Causes {
  if (value === "") return [field.required(path)];
  const slash = value.indexOf("/");
  if (slash < 1 || slash === value.length - 1) {
    return [field.invalid(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  const messages = [...isDns1123Subdomain(value.slice(0, slash)), ...isHttpPath(value.slice(slash + 1))];
  return messages.map((message) => field.invalid(path, value, message));
}

/** A domain name with at least `labels` labels: `webhook.example.com`. */
export function validateQualifiedDomain(name: string, labels: number, path: string): Causes {
  if (name === "") return [field.required(path)];
  const causes = obeys(isDns1123Subdomain, name, path);
  if (causes.length > 0 || name.split(".").length >= labels) return causes;
  const count = labels === 3 ? "three" : "two";
  return [field.invalid(path, name, `should be a domain with at least ${count} segments separated by dots`)];
}
