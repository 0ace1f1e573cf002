/** Registries that speak plain HTTP or have a certificate nobody signed: containerd is told in its `certs.d`. @module */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { EXIT, UserError } from "./user-error.ts";

/** A host name or an IPv4 address, and a port if it is not the default one: it becomes the name of a folder. */
const REGISTRY = /^(https:\/\/)?([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?)$/;

/** `HOST[:PORT]` speaks plain HTTP; `https://HOST[:PORT]` has a certificate that is not checked. */
export function parseRegistry(text: string): { readonly host: string; readonly scheme: "http" | "https" } {
  const [, https, host] = REGISTRY.exec(text) ?? [];
  if (host !== undefined) return { host, scheme: https === undefined ? "http" : "https" };
  throw new UserError(`--insecure-registry ${JSON.stringify(text)} must be HOST:PORT or https://HOST:PORT`, {
    id: "REGISTRY_INVALID",
    exitCode: EXIT.usage,
    fix: "k8ts start --insecure-registry=192.168.49.1:5000",
  });
}

/** Server and host are the same, so that there is one way only: of two, a failure of the wrong one would hide what the registry said. */
export function hostsToml(text: string): string {
  const { host, scheme } = parseRegistry(text);
  const url = `${scheme}://${host}`;
  return `server = "${url}"\n\n[host."${url}"]\ncapabilities = ["pull", "resolve"]\nskip_verify = true\n`;
}

/** containerd reads the folder at every pull, so a running one learns of it too. */
export async function writeRegistries(dir: string, registries: readonly string[]): Promise<void> {
  for (const registry of registries) {
    const folder = join(dir, parseRegistry(registry).host);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "hosts.toml"), hostsToml(registry));
  }
}
