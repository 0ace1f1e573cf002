/** String formats that schemas may name; unknown ones say nothing. Upstream's `go-openapi/strfmt`. @module */
import { isDns1123Label, isDns1123Subdomain } from "#apimachinery";
import { isIP, isIPv4, isIPv6 } from "node:net";
import { re2 } from "./regex.ts";

type Check = (text: string) => boolean;

const pattern =
  (source: string): Check =>
  (text) =>
    re2(source).matcher(text).find();

const CHECKS: Readonly<Record<string, Check>> = {
  bsonobjectid: pattern("^[0-9a-fA-F]{24}$"),
  uri: isUri,
  email: isEmail,
  hostname: isHostname,
  ipv4: isIPv4,
  ipv6: isIPv6,
  cidr: isCidr,
  mac: pattern(
    "^([0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}|[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){7}|[0-9a-fA-F]{4}(\\.[0-9a-fA-F]{4}){2})$",
  ),
  uuid: pattern("(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$"),
  uuid3: pattern("(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$"),
  uuid4: pattern("(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$"),
  uuid5: pattern("(?i)^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$"),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  creditcard: isCreditCard,
  ssn: pattern("^\\d{3}[- ]?\\d{2}[- ]?\\d{4}$"),
  hexcolor: pattern("^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"),
  rgbcolor: pattern(
    "^rgb\\(\\s*(\\d{1,2}|1\\d\\d|2[0-4]\\d|25[0-5])\\s*(,\\s*(\\d{1,2}|1\\d\\d|2[0-4]\\d|25[0-5])\\s*){2}\\)$",
  ),
  byte: isBase64,
  password: () => true,
  date: isDate,
  datetime: isDateTime,
  duration: isDuration,
  k8sshortname: (text) => isDns1123Label(text).length === 0,
  k8slongname: (text) => isDns1123Subdomain(text).length === 0,
};

/** As upstream, `-` in a name does not count. */
export function formatCheck(format: string): Check | undefined {
  const name = format.replaceAll("-", "");
  return Object.hasOwn(CHECKS, name) ? CHECKS[name] : undefined;
}

function isUri(text: string): boolean {
  // Go's ParseRequestURI: absolute, or an absolute path.
  return text.startsWith("/")
    ? !/[\s]/.test(text)
    : /^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(text) && URL.canParse(text);
}

function isEmail(text: string): boolean {
  const address = re2("^[^<>]*<([^<>]+)>\\s*$").matcher(text);
  const plain = address.find() ? (address.group(1) ?? "") : text;
  return re2('^[^\\s@<>(),;:"\\[\\]]+@[^\\s@<>(),;:"]+$').matcher(plain.trim()).find();
}

const HOSTNAME =
  "^([a-zA-Z0-9\\p{S}\\p{L}]((-?[a-zA-Z0-9\\p{S}\\p{L}]{0,62})?)|([a-zA-Z0-9\\p{S}\\p{L}](([a-zA-Z0-9-\\p{S}\\p{L}]{0,61}[a-zA-Z0-9\\p{S}\\p{L}])?)(\\.)){1,}([a-zA-Z\\p{L}]){2,63})$";

function isHostname(text: string): boolean {
  if (Buffer.byteLength(text) > 255 || !re2(HOSTNAME).matcher(text).find()) return false;
  return text.split(".").every((label) => Buffer.byteLength(label) <= 63);
}

function isCidr(text: string): boolean {
  const [address = "", bits = "", ...rest] = text.split("/");
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits)) return false;
  return Number(bits) <= (version === 4 ? 32 : 128);
}

function isIsbn10(text: string): boolean {
  const digits = text.replaceAll(/[\s-]/g, "");
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = Array.from(digits).reduce((total, c, i) => total + (10 - i) * (c === "X" ? 10 : Number(c)), 0);
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replaceAll(/[\s-]/g, "");
  if (!/^\d{13}$/.test(digits)) return false;
  const sum = Array.from(digits).reduce((total, c, i) => total + Number(c) * (i % 2 === 0 ? 1 : 3), 0);
  return sum % 10 === 0;
}

const CREDIT_CARD =
  "^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\\d{3})\\d{11})$";

function isCreditCard(text: string): boolean {
  const digits = text.replaceAll(/\D/g, "");
  if (!re2(CREDIT_CARD).matcher(digits).find()) return false;
  const sum = Array.from(digits)
    .toReversed()
    .reduce((total, c, i) => {
      const doubled = i % 2 === 0 ? Number(c) : Number(c) * 2;
      return total + (doubled > 9 ? doubled - 9 : doubled);
    }, 0);
  return sum % 10 === 0;
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

function isDate(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  if (year === undefined) return false;
  const date = new Date(Date.UTC(2000, Number(month) - 1, Number(day)));
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  return date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
}

function isDateTime(text: string): boolean {
  const [, date, hour, minute, second] =
    /^(\d{4}-\d\d-\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-]\d\d:?\d\d)$/.exec(text) ?? [];
  return (
    date !== undefined && isDate(date) && Number(hour) < 24 && Number(minute) < 60 && Number(second) < 60
  );
}

/** Go's durations, and those with words (`3 days`). */
function isDuration(text: string): boolean {
  if (
    /^[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*$/.test(text)
  )
    return true;
  if (/^[+-]?0$/.test(text)) return true;
  return /^(\d+(\.\d+)?\s*(ns|nano(second)?s?|us|µs|micro(second)?s?|ms|milli(second)?s?|s|sec(ond)?s?|m|min(ute)?s?|h|hr|hours?|d|days?|w|weeks?)\s*)+$/.test(
    text,
  );
}
