/** The grammar of image references. Pure. @module */

const DOMAIN = /^[a-zA-Z0-9]([a-zA-Z0-9.-]*[a-zA-Z0-9])?(:[0-9]+)?$/u;
const IPV6_DOMAIN = /^\[[0-9a-fA-F:]+\](:[0-9]+)?$/u;
const COMPONENT = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$/u;
const TAG = /^\w[\w.-]{0,127}$/u;
const DIGEST = /^[a-zA-Z][a-zA-Z0-9]*([-_+.][a-zA-Z][a-zA-Z0-9]*)*:[0-9a-fA-F]{32,}$/u;
const ID = /^(sha256:)?[0-9a-f]{64}$/u;

/** `[domain/]path[:tag][@digest]`, or an image's id. */
export function isImageName(image: string): boolean {
  if (ID.test(image)) return true;
  const [withTag = "", digest, ...more] = image.split("@");
  if (more.length > 0 || (digest !== undefined && !DIGEST.test(digest))) return false;
  const colon = withTag.lastIndexOf(":");
  const hasTag = colon > withTag.lastIndexOf("/");
  if (hasTag && !TAG.test(withTag.slice(colon + 1))) return false;
  const parts = (hasTag ? withTag.slice(0, colon) : withTag).split("/");
  if (parts.length > 1 && isDomain(parts[0]!)) parts.shift();
  return parts.every((part) => COMPONENT.test(part));
}

function isDomain(part: string): boolean {
  return DOMAIN.test(part) || IPV6_DOMAIN.test(part);
}
