/** Gives every pod a service account and its token, and keeps it to what that account may use. @module */
import { randomSuffix, type Clock, type KubeObject } from "#apimachinery";
import type {
  Container,
  LocalObjectReference,
  Pod,
  PodSpec,
  ServiceAccount,
  Volume,
} from "#api/core/v1/types.gen";
import type { ObjectLookup } from "./object-lookup.ts";
import { podSecretNames } from "../pod-secrets.ts";
import type { AdmissionPlugin, Attributes } from "./plugin.ts";
import { refuse } from "./refuse.ts";
import { ephemeralSecretsRefusal, podSecretsRefusal } from "./service-account-secrets.ts";

const DEFAULT_ACCOUNT = "default";
const MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";
const MIRROR_ANNOTATION = "kubernetes.io/config.mirror";
const VOLUME_PREFIX = "kube-api-access-";
const SUFFIX_LENGTH = 5;
/** An hour and seven seconds: recognisable as the system's own, as upstream. */
const TOKEN_SECONDS = 3607;
const FILE_MODE = 0o644;
/** A new namespace gets its default account a moment later: worth waiting for. */
const DEFAULT_ACCOUNT_ATTEMPTS = 10;
const RETRY_MS = 100;

export interface ServiceAccountOptions {
  readonly lookup: ObjectLookup;
  readonly clock: Clock;
  readonly random: () => number;
}

export function serviceAccountAdmission(options: ServiceAccountOptions): AdmissionPlugin {
  return {
    name: "ServiceAccount",
    operations: ["CREATE", "UPDATE"],
    resources: ["core/pods"],
    admit: (object, attributes) =>
      attributes.operation === "CREATE" && attributes.subresource === ""
        ? admitPod(object as Pod, attributes, options)
        : object,
    // webhooks and policies may have changed what `admit` saw
    validate: (attributes) => {
      const { operation, subresource } = attributes;
      if (operation === "CREATE" && subresource === "") return validatePod(attributes, options);
      const isEphemeral = operation === "UPDATE" && subresource === "ephemeralcontainers";
      return isEphemeral ? validateEphemeral(attributes, options) : undefined;
    },
  };
}

async function admitPod(
  pod: Pod,
  attributes: Attributes,
  options: ServiceAccountOptions,
): Promise<KubeObject> {
  const { spec } = pod;
  if (spec === undefined) return pod;
  if (isMirror(pod)) {
    checkMirror(pod, attributes);
    return pod;
  }
  const name = spec.serviceAccountName || DEFAULT_ACCOUNT;
  const account = await existingAccount(name, attributes, options);
  const admitted = withAccount(spec, name, account, options.random);
  refuseIf(podSecretsRefusal(admitted, account), attributes);
  return { ...pod, spec: admitted } as KubeObject;
}

async function validatePod(attributes: Attributes, options: ServiceAccountOptions): Promise<void> {
  const pod = attributes.object as Pod;
  if (pod.spec === undefined) return;
  if (isMirror(pod)) {
    checkMirror(pod, attributes);
    return;
  }
  refuseIf(podSecretsRefusal(pod.spec, await accountOf(pod, attributes, options)), attributes);
}

async function validateEphemeral(attributes: Attributes, options: ServiceAccountOptions): Promise<void> {
  const pod = attributes.object as Pod;
  if (pod.spec === undefined) return;
  refuseIf(ephemeralSecretsRefusal(pod.spec, await accountOf(pod, attributes, options)), attributes);
}

function refuseIf(why: string | undefined, attributes: Attributes): void {
  if (why !== undefined) throw refuse(attributes, why);
}

function isMirror({ metadata }: Pod): boolean {
  return metadata.annotations?.[MIRROR_ANNOTATION] !== undefined;
}

/** Mirrors of static pods run before the API does: they can have neither accounts nor secrets of it. */
function checkMirror(pod: Pod, attributes: Attributes): void {
  const { serviceAccountName, volumes = [] } = pod.spec ?? {};
  if (serviceAccountName) throw refuse(attributes, "a mirror pod may not reference service accounts");
  if (podSecretNames(pod).length > 0) throw refuse(attributes, "a mirror pod may not reference secrets");
  const hasToken = volumes.some(
    ({ projected }) =>
      projected?.sources?.some(({ serviceAccountToken }) => serviceAccountToken !== undefined) === true,
  );
  if (hasToken) throw refuse(attributes, "a mirror pod may not use ServiceAccountToken volume projections");
}

/** The account that a pod, as it will be stored, says it has. */
async function accountOf(
  pod: Pod,
  attributes: Attributes,
  options: ServiceAccountOptions,
): Promise<ServiceAccount> {
  const name = pod.spec?.serviceAccountName ?? "";
  if (name !== "") return existingAccount(name, attributes, options);
  const key = `${attributes.namespace}/${pod.metadata.name}`;
  throw refuse(attributes, `no service account specified for pod ${key}`);
}

async function existingAccount(
  name: string,
  attributes: Attributes,
  options: ServiceAccountOptions,
): Promise<ServiceAccount> {
  const account = await findAccount(name, attributes, options);
  if (account !== undefined) return account;
  const key = `${attributes.namespace}/${name}`;
  const why = `serviceaccount ${JSON.stringify(name)} not found`;
  throw refuse(attributes, `error looking up service account ${key}: ${why}`);
}

async function findAccount(
  name: string,
  { namespace, signal }: Attributes,
  { lookup, clock, random }: ServiceAccountOptions,
): Promise<ServiceAccount | undefined> {
  const cached = lookup.get("core/serviceaccounts", namespace, name);
  if (cached !== undefined) return cached as ServiceAccount;
  const attempts = name === DEFAULT_ACCOUNT ? DEFAULT_ACCOUNT_ATTEMPTS : 1;
  for (let attempt = 1; ; attempt++) {
    const live = await lookup.getLive("core/serviceaccounts", namespace, name);
    if (live !== undefined || attempt === attempts) return live as ServiceAccount | undefined;
    await clock.sleep(RETRY_MS * (1 + random()), signal);
  }
}

function withAccount(spec: PodSpec, name: string, account: ServiceAccount, random: () => number): PodSpec {
  const automount = spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
  const pullSecrets: readonly LocalObjectReference[] = account.imagePullSecrets ?? [];
  const named: PodSpec = {
    ...spec,
    serviceAccountName: name,
    serviceAccount: name,
    ...((spec.imagePullSecrets ?? []).length === 0 &&
      pullSecrets.length > 0 && { imagePullSecrets: pullSecrets }),
  };
  return automount ? withToken(named, random) : named;
}

function withToken(spec: PodSpec, random: () => number): PodSpec {
  const present = spec.volumes?.find((volume) => volume.name.startsWith(VOLUME_PREFIX));
  const volume = present ?? tokenVolume(`${VOLUME_PREFIX}${randomSuffix(SUFFIX_LENGTH, random)}`);
  const mounted = (containers: readonly Container[]): readonly Container[] =>
    containers.map((container) => withMount(container, volume.name));
  const containers = mounted(spec.containers);
  const initContainers = spec.initContainers && mounted(spec.initContainers);
  const isNeeded =
    containers.some((c, i) => c !== spec.containers[i]) ||
    initContainers?.some((c, i) => c !== spec.initContainers![i]) === true;
  if (!isNeeded) return spec;
  return {
    ...spec,
    containers,
    ...(initContainers !== undefined && { initContainers }),
    ...(present === undefined && { volumes: [...(spec.volumes ?? []), volume] }),
  };
}

function withMount(container: Container, name: string): Container {
  if (container.volumeMounts?.some((mount) => mount.mountPath === MOUNT_PATH) === true) return container;
  const mount = { name, readOnly: true, mountPath: MOUNT_PATH };
  return { ...container, volumeMounts: [...(container.volumeMounts ?? []), mount] };
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      sources: [
        { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: "token" } },
        { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        {
          downwardAPI: {
            items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
          },
        },
      ],
      defaultMode: FILE_MODE,
    },
  };
}
