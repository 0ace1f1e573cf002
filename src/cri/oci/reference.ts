/** Image references and their canonical form: what `demo/web` means to a runtime. @module */

export interface Reference {
  /** `docker.io`, `registry.example:5000`. */
  readonly domain: string;
  /** `library/busybox`. */
  readonly path: string;
  /** Absent only when there is a digest. */
  readonly tag: string | undefined;
  /** `sha256:…`. */
  readonly digest: string | undefined;
}

const NAME_LENGTH_MAX = 255;
const COMPONENT = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
const PATH = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*$`);
const DOMAIN = /^(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9.-]*[A-Za-z0-9]|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;

/** Undefined for what no registry could serve. Rules: github.com/distribution/reference. */
export function parseReference(text: string): Reference | undefined {
  const [beforeDigest = "", digest, more] = text.split("@");
  if (more !== undefined || (digest !== undefined && !DIGEST.test(digest))) return undefined;
  const [, name = "", tag] = /^(.*?)(?::([^/:]*))?$/.exec(beforeDigest) ?? [];
  if (tag !== undefined && !TAG.test(tag)) return undefined;
  const { domain, path } = splitDomain(name);
  if (!DOMAIN.test(domain) || !PATH.test(path) || domain.length + path.length > NAME_LENGTH_MAX)
    return undefined;
  return { domain, path, tag: tag ?? (digest === undefined ? "latest" : undefined), digest };
}

/** `demo/web:1` → `docker.io/demo/web:1`; undefined when it is no reference. */
export function normalizeReference(text: string): string | undefined {
  const reference = parseReference(text);
  return reference === undefined ? undefined : printReference(reference);
}

export function printReference({ domain, path, tag, digest }: Reference): string {
  return `${domain}/${path}${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
}

function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, slash);
  // Only what looks like a host is one: `demo/web` is a path on Docker Hub, `demo.local/web` is not.
  const isHost = slash > 0 && (/[.:A-Z[]/.test(first) || first === "localhost");
  const domain = isHost ? first : "docker.io";
  const path = isHost ? name.slice(slash + 1) : name;
  if (domain === "index.docker.io") return splitDomain(`docker.io/${path}`);
  return { domain, path: domain === "docker.io" && !path.includes("/") ? `library/${path}` : path };
}
