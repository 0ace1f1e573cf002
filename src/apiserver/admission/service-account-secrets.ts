/** Accounts annotated with `kubernetes.io/enforce-mountable-secrets`: their pods use the Secrets that they list, and no others. Pure. @module */
import { parseBool } from "#apimachinery";
import type { Container, PodSpec, ServiceAccount } from "#api/core/v1/types.gen";

const ANNOTATION = "kubernetes.io/enforce-mountable-secrets";

/** Why a pod with this account is refused; undefined: it is not. */
export function podSecretsRefusal(spec: PodSpec, account: ServiceAccount): string | undefined {
  if (!isEnforced(account)) return undefined;
  const mountable = mountableOf(account);
  for (const { secret } of spec.volumes ?? []) {
    const name = secret?.secretName ?? "";
    if (secret !== undefined && !mountable.has(name))
      return `volume with secret.secretName="${name}"${unlisted(account)}`;
  }
  const ofContainers =
    containersRefusal("init container", spec.initContainers, account, mountable) ??
    containersRefusal("container", spec.containers, account, mountable);
  if (ofContainers !== undefined) return ofContainers;
  const pullable = new Set((account.imagePullSecrets ?? []).map(({ name = "" }) => name));
  for (const [i, { name = "" }] of (spec.imagePullSecrets ?? []).entries())
    if (!pullable.has(name))
      return `imagePullSecrets[${i}].name="${name}"${unlisted(account, "imagePullSecret")}`;
  return undefined;
}

/** The same of the containers that are added to a pod which runs. */
export function ephemeralSecretsRefusal(spec: PodSpec, account: ServiceAccount): string | undefined {
  if (!isEnforced(account)) return undefined;
  return containersRefusal("ephemeral container", spec.ephemeralContainers, account, mountableOf(account));
}

function isEnforced({ metadata }: ServiceAccount): boolean {
  return parseBool(metadata.annotations?.[ANNOTATION]) === true;
}

function mountableOf({ secrets = [] }: ServiceAccount): ReadonlySet<string> {
  return new Set(secrets.map(({ name = "" }) => name));
}

function containersRefusal(
  what: string,
  containers: readonly Container[] | undefined,
  account: ServiceAccount,
  mountable: ReadonlySet<string>,
): string | undefined {
  for (const { name, env = [], envFrom = [] } of containers ?? []) {
    for (const { name: variable, valueFrom } of env) {
      const ref = valueFrom?.secretKeyRef;
      if (ref !== undefined && !mountable.has(ref.name ?? ""))
        return `${what} ${name} with envVar ${variable} referencing secret.secretName="${ref.name ?? ""}"${unlisted(account)}`;
    }
    for (const { secretRef } of envFrom)
      if (secretRef !== undefined && !mountable.has(secretRef.name ?? ""))
        return `${what} ${name} with envFrom referencing secret.secretName="${secretRef.name ?? ""}"${unlisted(account)}`;
  }
  return undefined;
}

function unlisted({ metadata }: ServiceAccount, what = "secret"): string {
  return ` is not allowed because service account ${metadata.name} does not reference that ${what}`;
}
