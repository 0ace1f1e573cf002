/**
 * Rules for names, labels and keys. Each returns what is wrong as a list of messages in upstream's words; an empty
 * list means valid.
 * @module
 */
import { byteLength } from "./text.ts";

export type NameRule = (value: string) => readonly string[];

const NONE: readonly string[] = [];

const LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?";
const WILDCARD = `\\*\\.${SUBDOMAIN}`;
const LABEL_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_VALUE = `(${LABEL_KEY})?`;
const ENV_VAR = "[-._a-zA-Z][-._a-zA-Z0-9]*";
const CONFIG_MAP_KEY = "[-._a-zA-Z0-9]+";
const HTTP_HEADER = "[-A-Za-z0-9]+";
const PERCENT = "[0-9]+%";
const C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*";
const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

const label = whole(LABEL);
const subdomain = whole(SUBDOMAIN);
const label1035 = whole(LABEL_1035);
const wildcard = whole(WILDCARD);
const labelKey = whole(LABEL_KEY);
const labelValue = whole(LABEL_VALUE);
const envVar = whole(ENV_VAR);
const configMapKey = whole(CONFIG_MAP_KEY);
const httpHeader = whole(HTTP_HEADER);
const percent = whole(PERCENT);
const cIdentifier = whole(C_IDENTIFIER);
const httpPath = whole(HTTP_PATH);
const portCharacters = /^[-a-z0-9]+$/;
const letter = /[a-z]/;

const SUBDOMAIN_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const LABEL_KEY_MESSAGE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** Bytes in a DNS label, and in a label value. */
export const LABEL_BYTES_MAX = 63;
/** Bytes in a DNS subdomain, and so in most names. */
export const SUBDOMAIN_BYTES_MAX = 253;

export const isDns1123Label: NameRule = (value) => {
  const errors = tooLong(value, LABEL_BYTES_MAX);
  if (label.test(value)) return errors;
  if (subdomain.test(value)) return [...errors, "must not contain dots"];
  const message =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
  return [...errors, regexError(message, LABEL, "my-name", "123-abc")];
};

export const isDns1123Subdomain: NameRule = (value) =>
  concat(
    tooLong(value, SUBDOMAIN_BYTES_MAX),
    unless(subdomain, value, () => regexError(SUBDOMAIN_MESSAGE, SUBDOMAIN, "example.com")),
  );

export const isDns1035Label: NameRule = (value) =>
  concat(
    tooLong(value, LABEL_BYTES_MAX),
    unless(label1035, value, () =>
      regexError(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        LABEL_1035,
        "my-name",
        "abc-123",
      ),
    ),
  );

export const isWildcardDns1123Subdomain: NameRule = (value) =>
  concat(
    tooLong(value, SUBDOMAIN_BYTES_MAX),
    unless(wildcard, value, () =>
      regexError(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
        WILDCARD,
        "*.example.com",
      ),
    ),
  );

/** A label key: `name` or `prefix/name`. Also the rule for taints, finalizers and, in lower case, annotations. */
export const isQualifiedName: NameRule = (value) => {
  const slash = value.indexOf("/");
  const own = slash < 0 ? value : value.slice(slash + 1);
  // Almost all are right: nothing is made for those.
  if (own.length <= LABEL_BYTES_MAX && labelKey.test(own)) {
    return slash < 0 ? NONE : prefixErrors(value.slice(0, slash)).map((message) => `prefix part ${message}`);
  }
  const parts = value.split("/");
  const text = regexError(LABEL_KEY_MESSAGE, LABEL_KEY, "MyName", "my.name", "123-abc");
  if (parts.length > 2) {
    return [
      `a valid label key ${text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const errors: string[] = [];
  if (parts.length === 2) errors.push(...prefixErrors(parts[0]!).map((message) => `prefix part ${message}`));
  const name = parts.at(-1)!;
  if (name === "") errors.push(`name part ${EMPTY}`);
  else if (byteLength(name) > LABEL_BYTES_MAX)
    errors.push(`name part must be no more than ${LABEL_BYTES_MAX} bytes`);
  if (!labelKey.test(name)) errors.push(`name part ${text}`);
  return errors;
};

export const isLabelValue: NameRule = (value) =>
  concat(
    byteLength(value) > LABEL_BYTES_MAX ? [`must be no more than ${LABEL_BYTES_MAX} bytes`] : NONE,
    unless(labelValue, value, () =>
      regexError(
        `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character`,
        LABEL_VALUE,
        "MyValue",
        "my_value",
        "12345",
      ),
    ),
  );

/** A name that may stand in a URL path (RBAC roles, and whatever has no stricter rule). */
export const isPathSegmentName: NameRule = (value) => {
  if (value === "." || value === "..") return [`may not be '${value}'`];
  return ["/", "%"].filter((banned) => value.includes(banned)).map((banned) => `may not contain '${banned}'`);
};

/** Names of ports (RFC 6335, lower case only). */
export const isPortName: NameRule = (value) => {
  const errors = [...tooLong(value, 15)];
  if (!portCharacters.test(value)) {
    errors.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!letter.test(value)) errors.push("must contain at least one letter (a-z)");
  if (value.includes("--")) errors.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) errors.push("must not begin or end with a hyphen");
  return errors;
};

export function isPortNumber(port: number): readonly string[] {
  return isInRange(port, 1, 65_535);
}

export function isInRange(value: number, min: number, max: number): readonly string[] {
  return value >= min && value <= max ? NONE : [`must be between ${min} and ${max}, inclusive`];
}

/** What upstream accepted before 1.30, and what downward API and config map imports still demand. */
export const isEnvVarName: NameRule = (value) =>
  concat(
    unless(envVar, value, () =>
      regexError(
        "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
        ENV_VAR,
        "my.env-name",
        "MY_ENV.NAME",
        "MyEnvName1",
      ),
    ),
    dotErrors(value),
  );

/** Any printable ASCII but `=`; the rule for `env[].name` since RelaxedEnvironmentVariableValidation. */
export const isRelaxedEnvVarName: NameRule = (value) => {
  if (value === "") return [`environment variable name ${EMPTY}`];
  if (/^[\x20-\x3c\x3e-\x7e]*$/.test(value)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
};

export const isConfigMapKey: NameRule = (value) =>
  concat(
    tooLong(value, SUBDOMAIN_BYTES_MAX),
    unless(configMapKey, value, () =>
      regexError(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        CONFIG_MAP_KEY,
        "key.name",
        "KEY_NAME",
        "key-name",
      ),
    ),
    dotErrors(value),
  );

export const isHttpHeaderName: NameRule = (value) =>
  unless(httpHeader, value, () =>
    regexError(
      "a valid HTTP header must consist of alphanumeric characters or '-'",
      HTTP_HEADER,
      "X-Header-Name",
    ),
  );

export const isPercent: NameRule = (value) =>
  unless(percent, value, () =>
    regexError(
      "a valid percent string must be a numeric string followed by an ending '%'",
      PERCENT,
      "1%",
      "93%",
    ),
  );

export const isCIdentifier: NameRule = (value) =>
  unless(cIdentifier, value, () =>
    regexError(
      "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
      C_IDENTIFIER,
      "my_name",
      "MY_NAME",
      "MyName",
    ),
  );

/** The path after the `/` of `example.com/path` (signer names, PodScheduling domains). */
export const isHttpPath: NameRule = (value) =>
  unless(httpPath, value, () => regexError("Invalid path", HTTP_PATH));

/** Upstream's text for a value that does not match. */
export function regexError(message: string, pattern: string, ...examples: readonly string[]): string {
  const regex = `regex used for validation is '${pattern}')`;
  if (examples.length === 0) return `${message} (${regex}`;
  return `${message} (e.g. ${examples.map((example) => `'${example}', `).join(" or ")}${regex}`;
}

const EMPTY = "must be non-empty";

function prefixErrors(prefix: string): readonly string[] {
  if (prefix === "") return [EMPTY];
  return isDns1123Subdomain(prefix).map((message) => message.replace(/ characters$/, " bytes"));
}

function dotErrors(value: string): readonly string[] {
  if (value === "." || value === "..") return [`must not be '${value}'`];
  return value.startsWith("..") ? ["must not start with '..'"] : NONE;
}

function tooLong(value: string, maxBytes: number): readonly string[] {
  return byteLength(value) > maxBytes ? [`must be no more than ${maxBytes} characters`] : NONE;
}

function concat(...parts: readonly (readonly string[])[]): readonly string[] {
  let all = NONE;
  for (const part of parts) if (part.length > 0) all = all.length === 0 ? part : [...all, ...part];
  return all;
}

function unless(pattern: RegExp, value: string, message: () => string): readonly string[] {
  return pattern.test(value) ? NONE : [message()];
}

function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}
