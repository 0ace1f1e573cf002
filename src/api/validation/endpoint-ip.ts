/** Addresses that traffic may be sent to: not this machine, not only the next link. @module */
import { field } from "#apimachinery";
import { NONE, type Causes } from "./common.ts";
import { parseIp, type ParsedIp } from "./ip.ts";

export function validateEndpointIp(text: string, path: string): Causes {
  const ip = parseIp(text);
  if (ip === undefined) return [field.invalid(path, text, "must be a valid IP address")];
  const problem = problemOf(ip, text);
  return problem === undefined ? NONE : [field.invalid(path, text, problem)];
}

function problemOf({ family, bytes }: ParsedIp, text: string): string | undefined {
  const [first = 0, second = 0, third = 0] = bytes;
  const v4 = family === "IPv4";
  const allZeroBut = (last: number): boolean =>
    bytes.slice(0, -1).every((b) => b === 0) && bytes.at(-1) === last;
  if (allZeroBut(0)) return `may not be unspecified (${text})`;
  if (v4 ? first === 127 : allZeroBut(1)) return "may not be in the loopback range (127.0.0.0/8, ::1/128)";
  if (v4 ? first === 169 && second === 254 : first === 0xfe && (second & 0xc0) === 0x80) {
    return "may not be in the link-local range (169.254.0.0/16, fe80::/10)";
  }
  if (v4 ? first === 224 && second === 0 && third === 0 : first === 0xff && (second & 0x0f) === 0x02) {
    return "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)";
  }
  return undefined;
}
