/** How a pod reaches its API server. @module */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isIPv6 } from "node:net";
import type { ClientConfig } from "./client-config.ts";
import type { Environment } from "./kubeconfig.ts";

const SERVICE_ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount";

/** From the variables and files that kubelet gives every pod. Throws outside of a cluster. */
export async function inClusterConfig(
  env: Environment,
  directory: string = SERVICE_ACCOUNT_DIR,
): Promise<ClientConfig> {
  const host = env["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = env["KUBERNETES_SERVICE_PORT"] ?? "";
  if (host === "" || port === "")
    throw new Error(
      "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined",
    );
  const namespace = (await readFile(join(directory, "namespace"), "utf8")).trim();
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    ca: { file: join(directory, "ca.crt") },
    tokenFile: join(directory, "token"),
    namespace,
  };
}
