/** What an API server is called among the servers of its cluster. Pure. @module */
import { createHash } from "node:crypto";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const HASH_BYTES = 16;
const COMPONENT = "kube-apiserver";

/** `apiserver-` and a hash of host name and component, as upstream: the same after a restart. */
export function serverName(hostname: string): string {
  const hash = createHash("sha256").update(prefixed(hostname)).update(prefixed(COMPONENT)).digest();
  return `apiserver-${base32(hash.subarray(0, HASH_BYTES))}`;
}

function prefixed(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** RFC 4648 in lower case, without padding. */
function base32(bytes: Uint8Array): string {
  let bits = 0;
  let count = 0;
  let text = "";
  for (const byte of bytes) {
    bits = ((bits << 8) | byte) & 0xffff;
    count += 8;
    while (count >= 5) {
      count -= 5;
      text += ALPHABET[(bits >>> count) & 31];
    }
  }
  return count === 0 ? text : text + ALPHABET[(bits << (5 - count)) & 31];
}
