/** Names of signers: `example.com/signer`. @module */
import { field, isDns1123Label, isDns1123Subdomain } from "#apimachinery";
import { NONE, type Causes } from "./common.ts";

/** A domain, a slash, a namespace, a dot and a name. */
const SIGNER_BYTES_MAX = 571;
const DOMAIN_BYTES_MAX = 253;

export function validateSignerName(name: string, path: string): Causes {
  if (name === "") return [field.required(path)];
  const segments = name.split("/");
  if (segments.length !== 2) {
    const detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [field.invalid(path, name, detail)];
  }
  const [domain = "", rest = ""] = segments;
  const labels = domain.split(".");
  return [
    ...(domain.length > DOMAIN_BYTES_MAX ? [field.tooLong(path, DOMAIN_BYTES_MAX)] : NONE),
    ...firstWrong(labels, isDns1123Label, domain, path),
    ...(labels.length < 2
      ? [field.invalid(path, domain, "should be a domain with at least two segments separated by dots")]
      : NONE),
    ...firstWrong(rest.split("."), isDns1123Subdomain, rest, path),
    ...(name.length > SIGNER_BYTES_MAX ? [field.tooLong(path, SIGNER_BYTES_MAX)] : NONE),
  ];
}

function firstWrong(
  labels: readonly string[],
  rule: (label: string) => readonly string[],
  value: string,
  path: string,
): Causes {
  for (const label of labels) {
    const messages = rule(label);
    if (messages.length > 0) {
      return messages.map((message) =>
        field.invalid(path, value, `validating label ${JSON.stringify(label)}: ${message}`),
      );
    }
  }
  return NONE;
}
