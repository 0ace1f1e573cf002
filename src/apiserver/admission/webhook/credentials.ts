/** How the server proves itself to webhooks: the users of a kubeconfig, by where the webhook is. @module */
import { readFile } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { field, type JsonObject } from "#apimachinery";
import { loadKubeconfig, type Kubeconfig, type KubeconfigUser } from "#client/node";
import { parseConfig } from "#component-base";
import { STRING, struct } from "../../config-schema.ts";
import type { PluginDocument } from "../configuration/admission-configuration.ts";

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  /** PEM. */
  readonly cert?: string;
  readonly key?: string;
}

/** `target`: `host:port`, of a Service `name.namespace.svc:port`. undefined: nothing is shown. */
export type FindCredentials = (target: string) => Credentials | undefined;

const VERSIONS = ["apiserver.config.k8s.io/v1", "apiserver.config.k8s.io/v1alpha1"];
const HTTPS = ":443";

/** Read once. Rejects with what is wrong with the configuration or the kubeconfig. */
export async function webhookCredentials(document: PluginDocument): Promise<FindCredentials> {
  const { text, source, apiVersion } = document;
  const file = parseConfig(text, source, {
    apiVersion: VERSIONS.includes(apiVersion) ? apiVersion : VERSIONS[0]!,
    kind: apiVersion === VERSIONS[1] ? "WebhookAdmission" : "WebhookAdmissionConfiguration",
    schema: struct("WebhookAdmissionConfiguration", {
      apiVersion: STRING,
      kind: STRING,
      kubeConfigFile: STRING,
    }),
    defaults: ({ kubeConfigFile = "" }: JsonObject) => kubeConfigFile as string,
    validate: (path) =>
      path === "" || isAbsolute(path)
        ? []
        : [field.invalid("kubeConfigFile", path, "must be an absolute file path")],
  });
  if (file === "") return () => undefined;
  const kubeconfig = await loadKubeconfig({ explicitPath: file, env: {}, homeDir: "/" });
  const entries = [...kubeconfig.users].map(
    async ([name, user]) => [name, await credentialsOf(name, user)] as const,
  );
  const known = new Map(await Promise.all(entries));
  return (target) => {
    const user = userFor(target, kubeconfig);
    return user === undefined ? undefined : known.get(user);
  };
}

/** The target itself, `*.` and a part of it from a dot on, the same without the port of HTTPS, `*`, the current user. */
export function userFor(target: string, { users, contexts, currentContext }: Kubeconfig): string | undefined {
  const plain = target.endsWith(HTTPS) ? [target.slice(0, -HTTPS.length)] : [];
  for (const name of [target, ...plain]) {
    const steps = name.split(".");
    const found = [name, ...steps.slice(1).map((_, i) => `*.${steps.slice(i + 1).join(".")}`)];
    const user = found.find((candidate) => users.has(candidate));
    if (user !== undefined) return user;
  }
  if (users.has("*")) return "*";
  return contexts.get(currentContext)?.user;
}

async function credentialsOf(name: string, user: KubeconfigUser): Promise<Credentials> {
  if (user.exec !== undefined || user["auth-provider"] !== undefined) {
    throw new Error(`user ${JSON.stringify(name)}: webhooks are not shown credentials of plugins`);
  }
  const [cert, key] = await Promise.all([
    pem(user["client-certificate-data"], user["client-certificate"]),
    pem(user["client-key-data"], user["client-key"]),
  ]);
  const token =
    user.token ?? (user.tokenFile === undefined ? "" : (await readFile(user.tokenFile, "utf8")).trim());
  return {
    headers: headersOf(token, user),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

function headersOf(token: string, { username = "", password = "" }: KubeconfigUser): Credentials["headers"] {
  if (token !== "") return { authorization: `Bearer ${token}` };
  if (username === "") return {};
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}` };
}

async function pem(data: string | undefined, file: string | undefined): Promise<string | undefined> {
  if (data !== undefined && data !== "") return Buffer.from(data, "base64").toString();
  return file === undefined || file === "" ? undefined : readFile(file, "utf8");
}
