/** What pods must say in so many words at the level `restricted`. Pure. @module */
import type { Container, Volume } from "#api/core/v1/types.gen";
import { seccompProfile } from "./baseline-checks.ts";
import {
  containersOf,
  distinct,
  named,
  namesOf,
  plural,
  quoted,
  setters,
  unlessUserNamespace,
  unlessWindows,
  uses,
  type PodCheck,
} from "./containers.ts";

export const allowPrivilegeEscalation: PodCheck = ({ spec }) => {
  const bad = containersOf(spec).filter((c) => c.securityContext?.allowPrivilegeEscalation !== false);
  if (bad.length === 0) return undefined;
  return {
    reason: "allowPrivilegeEscalation != false",
    detail: `${named(namesOf(bad))} must set securityContext.allowPrivilegeEscalation=false`,
  };
};

function added({ securityContext }: Container): readonly string[] {
  return (securityContext?.capabilities?.add ?? []).filter((name) => name !== "NET_BIND_SERVICE");
}

export const capabilitiesRestricted: PodCheck = ({ spec }) => {
  const containers = containersOf(spec);
  const keeping = containers.filter((c) => !c.securityContext?.capabilities?.drop?.includes("ALL"));
  const adding = containers.filter((c) => added(c).length > 0);
  const list = quoted(distinct(adding.flatMap(added)));
  const details = [
    ...(keeping.length > 0
      ? [`${named(namesOf(keeping))} must set securityContext.capabilities.drop=["ALL"]`]
      : []),
    ...(adding.length > 0
      ? [`${named(namesOf(adding))} must not include ${list} in securityContext.capabilities.add`]
      : []),
  ];
  return details.length === 0
    ? undefined
    : { reason: "unrestricted capabilities", detail: details.join("; ") };
};

const ALLOWED_VOLUMES = [
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "image",
  "persistentVolumeClaim",
  "projected",
  "secret",
] as const;

/** In upstream's order: a volume counts as the first of them. */
const RESTRICTED_VOLUMES = [
  "hostPath",
  "gcePersistentDisk",
  "awsElasticBlockStore",
  "gitRepo",
  "nfs",
  "iscsi",
  "glusterfs",
  "rbd",
  "flexVolume",
  "cinder",
  "cephfs",
  "flocker",
  "fc",
  "azureFile",
  "vsphereVolume",
  "quobyte",
  "azureDisk",
  "photonPersistentDisk",
  "portworxVolume",
  "scaleIO",
  "storageos",
] as const;

export const restrictedVolumes: PodCheck = ({ spec }) => {
  const bad = (spec.volumes ?? []).filter((volume) =>
    ALLOWED_VOLUMES.every((type) => volume[type] === undefined),
  );
  if (bad.length === 0) return undefined;
  const names = bad.map(({ name }) => name);
  const types = distinct(bad.map(typeOf));
  return {
    reason: "restricted volume types",
    detail: `${plural("volume", names)} ${quoted(names)} ${uses(names)} ${plural("restricted volume type", types)} ${quoted(types)}`,
  };
};

function typeOf(volume: Volume): string {
  return RESTRICTED_VOLUMES.find((type) => volume[type] !== undefined) ?? "unknown";
}

export const runAsNonRoot: PodCheck = ({ spec }) => {
  const ofPod = spec.securityContext?.runAsNonRoot;
  const containers = containersOf(spec);
  const reason = "runAsNonRoot != true";
  const bad = containers.filter((c) => c.securityContext?.runAsNonRoot === false);
  if (ofPod === false || bad.length > 0) {
    const who = setters(ofPod === false, namesOf(bad));
    return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` };
  }
  const silent = containers.filter((c) => c.securityContext?.runAsNonRoot === undefined);
  if (ofPod === true || silent.length === 0) return undefined;
  return { reason, detail: `pod or ${named(namesOf(silent))} must set securityContext.runAsNonRoot=true` };
};

export const runAsNonRootUserNamespace: PodCheck = unlessUserNamespace(runAsNonRoot);

export const runAsUser: PodCheck = ({ spec }) => {
  const byPod = spec.securityContext?.runAsUser === 0;
  const bad = containersOf(spec).filter((c) => c.securityContext?.runAsUser === 0);
  if (!byPod && bad.length === 0) return undefined;
  return { reason: "runAsUser=0", detail: `${setters(byPod, namesOf(bad))} must not set runAsUser=0` };
};

export const runAsUserUserNamespace: PodCheck = unlessUserNamespace(runAsUser);

export const seccompRestricted: PodCheck = (pod) => {
  const bad = seccompProfile(pod);
  if (bad !== undefined || pod.spec.securityContext?.seccompProfile !== undefined) return bad;
  const silent = containersOf(pod.spec).filter((c) => c.securityContext?.seccompProfile === undefined);
  if (silent.length === 0) return undefined;
  return {
    reason: "seccompProfile",
    detail: `pod or ${named(namesOf(silent))} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
  };
};

export const allowPrivilegeEscalationLinux: PodCheck = unlessWindows(allowPrivilegeEscalation);
export const capabilitiesRestrictedLinux: PodCheck = unlessWindows(capabilitiesRestricted);
export const seccompRestrictedLinux: PodCheck = unlessWindows(seccompRestricted);
