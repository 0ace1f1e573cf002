/** Addresses of interfaces with the length of their network, `192.0.2.1/24`, in canonical form only. @module */
import { field } from "#apimachinery";
import { NONE, type Causes } from "./common.ts";
import { parseCidr } from "./ip.ts";

const BITS_BEFORE_MAPPED = 96;
const IPV4_BITS = 32;

export function validInterfaceAddress(text: string, path: string): Causes {
  const cidr = parseCidr(text);
  if (cidr === undefined) {
    const message = "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)";
    return [field.invalid(path, text, message)];
  }
  const { ip, prefixLength } = cidr;
  const isMappedLength = ip.family === "IPv4" && prefixLength > IPV4_BITS;
  const canonical = `${ip.canonical}/${isMappedLength ? prefixLength - BITS_BEFORE_MAPPED : prefixLength}`;
  return canonical === text
    ? NONE
    : [field.invalid(path, text, `must be in canonical form ("${canonical}")`)];
}
