/** The 16 bytes of an IPv6 address in text. @module */

export function ipv6Bytes(address: string): Buffer {
  const bytes = Buffer.alloc(16);
  const [head = "", tail = ""] = address.split("::");
  for (const [index, group] of groups(head).entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * index);
  const last = groups(tail);
  for (const [index, group] of last.entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), 16 - 2 * (last.length - index));
  return bytes;
}

function groups(text: string): readonly string[] {
  return text === "" ? [] : text.split(":");
}
