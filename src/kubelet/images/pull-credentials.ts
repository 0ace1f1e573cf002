/** Finds the credentials for an image in a pod's pull secrets. Pure. @module */
import type { Secret } from "#api/core/v1/types.gen";
import type { AuthConfig } from "#cri";

interface DockerAuth {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

const DEFAULT_REGISTRY = "docker.io";
const DOCKER_HUB = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

/** Credentials that fit `image`, the most specific first. Malformed secrets give none. */
export function credentialsFor(image: string, secrets: readonly Secret[]): readonly AuthConfig[] {
  const wanted = splitImage(image);
  const found: { readonly auth: AuthConfig; readonly weight: number }[] = [];
  for (const secret of secrets) {
    for (const [key, entry] of Object.entries(authsOf(secret))) {
      const weight = matchWeight(key, wanted);
      if (weight > 0) found.push({ auth: authConfig(entry), weight });
    }
  }
  return found.toSorted((a, b) => b.weight - a.weight).map(({ auth }) => auth);
}

function authsOf(secret: Secret): Readonly<Record<string, DockerAuth>> {
  const isNew = secret.type === "kubernetes.io/dockerconfigjson";
  const text = secret.data?.[isNew ? ".dockerconfigjson" : ".dockercfg"];
  if (text === undefined) return {};
  try {
    const parsed = JSON.parse(Buffer.from(text, "base64").toString("utf8")) as Readonly<
      Record<string, unknown>
    >;
    const auths = isNew ? parsed["auths"] : parsed;
    return typeof auths === "object" && auths !== null ? (auths as Readonly<Record<string, DockerAuth>>) : {};
  } catch {
    // The registry's refusal tells the user more than a message about this secret would.
    return {};
  }
}

/** Without the key as server address: containerd would parse it as a URL, and `host:port` is none. */
function authConfig(entry: DockerAuth): AuthConfig {
  const { username, password, auth, identitytoken, registrytoken } = entry;
  const decoded = auth === undefined ? "" : Buffer.from(auth, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  const fromAuth = colon > 0 ? { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) } : {};
  return {
    ...fromAuth,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(identitytoken !== undefined && { identityToken: identitytoken }),
    ...(registrytoken !== undefined && { registryToken: registrytoken }),
  };
}

interface ImageLocation {
  readonly host: string;
  readonly path: string;
}

function splitImage(image: string): ImageLocation {
  const slash = image.indexOf("/");
  const first = slash < 0 ? "" : image.slice(0, slash);
  const isHost = first.includes(".") || first.includes(":") || first === "localhost";
  return isHost ? { host: first, path: image.slice(slash + 1) } : { host: DEFAULT_REGISTRY, path: image };
}

/** 0: no match; more for a longer path. Hosts may hold `*` for whole labels. */
function matchWeight(key: string, wanted: ImageLocation): number {
  const bare = key.replace(/^https?:\/\//u, "").replace(/\/v[12]\/?$/u, "");
  const slash = bare.indexOf("/");
  const host = slash < 0 ? bare : bare.slice(0, slash);
  const path = slash < 0 ? "" : bare.slice(slash + 1).replace(/\/$/u, "");
  const hubs = DOCKER_HUB.has(host) && DOCKER_HUB.has(wanted.host);
  if (!hubs && !hostMatches(host, wanted.host)) return 0;
  if (path !== "" && wanted.path !== path && !wanted.path.startsWith(`${path}/`)) return 0;
  return 1 + path.length;
}

function hostMatches(pattern: string, host: string): boolean {
  const [a, b] = [pattern.split("."), host.split(".")];
  return a.length === b.length && a.every((label, i) => globMatches(label, b[i]!));
}

function globMatches(pattern: string, text: string): boolean {
  if (!pattern.includes("*")) return pattern === text;
  const [start = "", ...rest] = pattern.split("*");
  const end = rest.at(-1) ?? "";
  return text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end);
}
