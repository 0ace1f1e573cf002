/** What the API server warns about in pods and templates: accepted, and hardly meant. @module */
import {
  canonicalQuantity,
  field,
  isDns1123Label,
  isIntegerQuantity,
  isLabelValue,
  parseQuantity,
  quote,
  type ObjectMeta,
} from "#apimachinery";
import { deprecationOfLabel } from "../../node/v1/deprecated-labels.ts";
import { warningsForIp } from "../../validation/address-warnings.ts";
import {
  APPARMOR_PREFIX,
  SECCOMP_CONTAINER_PREFIX,
  SECCOMP_POD_ANNOTATION,
} from "../../validation/pod-annotations.ts";
import { containersOf } from "../../validation/pod-visit.ts";
import { semanticEqual } from "../../validation/semantic-equal.ts";
import { appArmorProfileOf } from "./apparmor-annotations.ts";
import { warningsForClaimSpec } from "./persistentvolumeclaim-warnings.ts";
import { warningsForPorts } from "./pod-port-warnings.ts";
import type {
  Affinity,
  Container,
  NodeSelectorTerm,
  Pod,
  PodAffinity,
  PodSpec,
  PodTemplateSpec,
  ResourceRequirements,
} from "./types.gen.ts";
import { warningsForVolumePaths } from "./volume-path-warnings.ts";

type Warnings = readonly string[];

/** Asked of every pod that is made, and most have nothing to be warned of: those cost no arrays and no paths. */
const NONE: Warnings = [];

export function warningsForPod(pod: Pod): Warnings {
  const { name } = pod.metadata;
  const hostname = "this is used in the Pod's hostname, which can result in surprising behavior";
  return [...warningsForName(name, hostname), ...warningsFor(pod.spec, pod.metadata, "")];
}

/** Names of workloads become parts of their pods' names. */
export function warningsForWorkloadName(name: string): Warnings {
  return warningsForName(
    name,
    "this is used in Pod names and hostnames, which can result in surprising behavior",
  );
}

function warningsForName(name: string, use: string): Warnings {
  const messages = isDns1123Label(name);
  if (messages.length === 0) return [];
  return [`metadata.name: ${use}; a DNS label is recommended: [${messages.join(" ")}]`];
}

export function warningsForPodTemplate(template: PodTemplateSpec | undefined, path: string): Warnings {
  return warningsFor(template?.spec, template?.metadata, path);
}

/** `path` is that of the template, "" for a pod. */
function warningsFor(
  spec: PodSpec | undefined,
  meta: Partial<ObjectMeta> | undefined,
  path: string,
): Warnings {
  if (spec === undefined) return [];
  const annotations = meta?.annotations ?? {};
  const at = field.child(path, "spec");
  return [
    ...warningsForPlacement(spec, at),
    ...(meta?.annotations === undefined ? NONE : warningsForAnnotations(annotations, path)),
    ...warningsForVolumes(spec, at),
    ...warningsForVolumePaths(spec.volumes ?? []),
    ...repeated(
      spec.hostAliases,
      ({ ip }) => ip,
      (i) => `${at}.hostAliases[${i}].ip: duplicate ip`,
    ),
    ...repeated(
      spec.imagePullSecrets,
      ({ name = "" }) => name,
      (i) => `${at}.imagePullSecrets[${i}].name: duplicate name`,
    ),
    ...(spec.imagePullSecrets ?? []).flatMap(({ name = "" }, i) =>
      name === "" ? [`${at}.imagePullSecrets[${i}].name: invalid empty name ""`] : [],
    ),
    ...(spec.overhead === undefined ? NONE : fractions(spec.overhead, field.child(at, "overhead"))),
    ...(annotations[SECCOMP_POD_ANNOTATION] !== undefined &&
    spec.securityContext?.seccompProfile === undefined
      ? [profileAnnotation(path, SECCOMP_POD_ANNOTATION)]
      : []),
    ...containersOf(spec, at).flatMap(([container, p]) => [
      ...(meta?.annotations === undefined ? NONE : warningsForProfiles(container, spec, annotations, path)),
      ...(container.resources === undefined ? NONE : warningsForResources(container.resources, p)),
      ...hiddenVariables(container, p),
    ]),
    ...warningsForPorts(spec, at),
    ...((spec.terminationGracePeriodSeconds ?? 0) < 0
      ? [
          `${at}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
        ]
      : []),
    ...(spec.affinity === undefined ? NONE : warningsForTerms(spec.affinity, field.child(at, "affinity"))),
    ...(spec.dnsConfig?.nameservers ?? []).flatMap((ip, i) =>
      warningsForIp(ip, `${at}.dnsConfig.nameservers[${i}]`),
    ),
    ...(spec.hostAliases ?? []).flatMap(({ ip }, i) => warningsForIp(ip, `${at}.hostAliases[${i}].ip`)),
  ];
}

/** A null selector matches nothing, which few expect. */
const nullSelector = (path: string): string =>
  `${path}.labelSelector: a null labelSelector results in matching no pod`;

function warningsForPlacement(spec: PodSpec, path: string): Warnings {
  const { nodeSelector, topologySpreadConstraints } = spec;
  const affinity = spec.affinity?.nodeAffinity;
  if (affinity === undefined && nodeSelector === undefined && topologySpreadConstraints === undefined)
    return NONE;
  const at = field.child(path, "affinity", "nodeAffinity");
  const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const preferred = affinity?.preferredDuringSchedulingIgnoredDuringExecution;
  return [
    ...Object.keys(nodeSelector ?? {}).flatMap((label) => {
      const message = deprecationOfLabel(label);
      return message === undefined ? [] : [`${field.key(`${path}.nodeSelector`, label)}: ${message}`];
    }),
    ...(required?.nodeSelectorTerms ?? []).flatMap((term, i) =>
      warningsForNodeSelectorTerm(
        term,
        `${at}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[${i}]`,
        false,
      ),
    ),
    ...(preferred ?? []).flatMap(({ preference }, i) =>
      warningsForNodeSelectorTerm(
        preference,
        `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}].preference`,
        true,
      ),
    ),
    ...(topologySpreadConstraints ?? []).flatMap(({ topologyKey, labelSelector }, i) => {
      const message = deprecationOfLabel(topologyKey);
      const own = `${path}.topologySpreadConstraints[${i}]`;
      return [
        ...(message === undefined ? [] : [`${own}.topologyKey: ${topologyKey} is ${message}`]),
        ...(labelSelector === undefined ? [nullSelector(own)] : []),
      ];
    }),
  ];
}

/** `checkValues`: preferences accept values that no label can have. */
export function warningsForNodeSelectorTerm(
  { matchExpressions = [] }: NodeSelectorTerm,
  path: string,
  checkValues: boolean,
): Warnings {
  return matchExpressions.flatMap(({ key, values = [] }, i) => {
    const at = `${path}.matchExpressions[${i}]`;
    const message = deprecationOfLabel(key);
    const invalid = checkValues
      ? values.flatMap((value, k) =>
          isLabelValue(value).map((problem) => `${at}.values[${k}]: ${value} is invalid, ${problem}`),
        )
      : [];
    return message === undefined ? invalid : [`${at}.key: ${key} is ${message}`, ...invalid];
  });
}

function warningsForTerms(affinity: Affinity | undefined, path: string): Warnings {
  return (["podAffinity", "podAntiAffinity"] as const).flatMap((name) => {
    const { requiredDuringSchedulingIgnoredDuringExecution: required = [], ...rest }: PodAffinity =
      affinity?.[name] ?? {};
    const { preferredDuringSchedulingIgnoredDuringExecution: preferred = [] } = rest;
    const at = field.child(path, name);
    return [
      ...required.flatMap(({ labelSelector }, i) =>
        labelSelector === undefined
          ? [nullSelector(`${at}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`)]
          : [],
      ),
      ...preferred.flatMap(({ podAffinityTerm: term }, i) =>
        term.labelSelector === undefined
          ? [nullSelector(`${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}].podAffinityTerm`)]
          : [],
      ),
    ];
  });
}

const SYSCTLS = 'non-functional in v1.11+; use the "sysctls" field instead';
const DEPRECATED_ANNOTATIONS: Readonly<Record<string, string>> = {
  "scheduler.alpha.kubernetes.io/critical-pod":
    'non-functional in v1.16+; use the "priorityClassName" field instead',
  "security.alpha.kubernetes.io/sysctls": SYSCTLS,
  "security.alpha.kubernetes.io/unsafe-sysctls": SYSCTLS,
};

const DEPRECATED_ENTRIES = Object.entries(DEPRECATED_ANNOTATIONS);

type Annotations = Readonly<Record<string, string>>;

const annotationPath = (path: string, key: string): string =>
  field.key(field.child(path, "metadata", "annotations"), key);

function warningsForAnnotations(annotations: Annotations, path: string): Warnings {
  return DEPRECATED_ENTRIES.filter(([key]) => key in annotations).map(
    ([key, message]) => `${annotationPath(path, key)}: ${message}`,
  );
}

const profileAnnotation = (path: string, key: string): string =>
  `${annotationPath(path, key)}: non-functional in v1.27+; use the "seccompProfile" field instead`;

/** Profiles in annotations; those of pods for AppArmor have become fields when this is asked. */
function warningsForProfiles(
  { name, securityContext }: Container,
  spec: PodSpec,
  annotations: Annotations,
  path: string,
): Warnings {
  const seccomp = SECCOMP_CONTAINER_PREFIX + name;
  const apparmor = APPARMOR_PREFIX + name;
  const annotation = annotations[apparmor];
  const ofPod = spec.securityContext?.appArmorProfile;
  const isDeprecated =
    path !== "" &&
    annotation !== undefined &&
    securityContext?.appArmorProfile === undefined &&
    (ofPod === undefined || !semanticEqual(ofPod, appArmorProfileOf(annotation)));
  return [
    ...(annotations[seccomp] !== undefined && securityContext?.seccompProfile === undefined
      ? [profileAnnotation(path, seccomp)]
      : []),
    ...(isDeprecated
      ? [`${annotationPath(path, apparmor)}: deprecated since v1.30; use the "appArmorProfile" field instead`]
      : []),
  ];
}

const OLD_VOLUMES: readonly (readonly [source: string, shown: string, message: string])[] = [
  ["photonPersistentDisk", "photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"],
  ["gitRepo", "gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"],
  ["scaleIO", "scaleIO", "deprecated in v1.16, non-functional in v1.22+"],
  ["flocker", "flocker", "deprecated in v1.22, non-functional in v1.25+"],
  ["storageos", "storageOS", "deprecated in v1.22, non-functional in v1.25+"],
  ["quobyte", "quobyte", "deprecated in v1.22, non-functional in v1.25+"],
  ["glusterfs", "glusterfs", "deprecated in v1.25, non-functional in v1.26+"],
  ["cephfs", "cephfs", "deprecated in v1.28, non-functional in v1.31+"],
  ["rbd", "rbd", "deprecated in v1.28, non-functional in v1.31+"],
];

const OLD_SOURCES: ReadonlySet<string> = new Set(OLD_VOLUMES.map(([source]) => source));

function warningsForVolumes(spec: PodSpec, path: string): Warnings {
  return (spec.volumes ?? []).flatMap((volume, i) => {
    const template = volume.ephemeral?.volumeClaimTemplate;
    if (template === undefined && !Object.keys(volume).some((source) => OLD_SOURCES.has(source))) return NONE;
    const at = `${path}.volumes[${i}]`;
    return [
      ...OLD_VOLUMES.filter(([source]) => source in volume).map(
        ([, shown, message]) => `${at}.${shown}: ${message}`,
      ),
      ...(template === undefined
        ? []
        : warningsForClaimSpec(template.spec, `${at}.ephemeral.volumeClaimTemplate.spec`)),
    ];
  });
}

function repeated<T>(
  items: readonly T[] = [],
  key: (item: T) => string,
  message: (i: number) => string,
): Warnings {
  if (items.length < 2) return NONE;
  const seen = new Set<string>();
  return items.flatMap((item, i) => {
    const own = key(item);
    if (seen.has(own)) return [`${message(i)} ${quote(own)}`];
    seen.add(own);
    return [];
  });
}

const STORAGE = "ephemeral-storage";
const BYTES = ["memory", STORAGE] as const;

function warningsForResources({ limits, requests }: ResourceRequirements, path: string): Warnings {
  return BYTES.flatMap((name) => [
    ...(limits?.[name] === undefined
      ? NONE
      : fractions(limits, field.child(path, "resources", "limits"), [name])),
    ...(requests?.[name] === undefined
      ? NONE
      : fractions(requests, field.child(path, "resources", "requests"), [name])),
  ]);
}

/** Bytes are whole; "100m" of memory is a slip of the pen. */
export function fractions(
  list: Readonly<Record<string, string>> | undefined,
  path: string,
  names: readonly string[] = BYTES,
): Warnings {
  return names.flatMap((name) => {
    const value = list?.[name];
    if (value === undefined || isIntegerQuantity(parseQuantity(value))) return [];
    const shown = quote(canonicalQuantity(value));
    return [`${field.key(path, name)}: fractional byte value ${shown} is invalid, must be an integer`];
  });
}

/** A second value of a variable is fine if it refers to the first. */
function hiddenVariables({ env = [] }: Container, path: string): Warnings {
  if (env.length < 2) return NONE;
  const seen = new Set<string>();
  return env.flatMap(({ name, value = "", valueFrom }, i) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    const reference = `$(${name})`;
    if (valueFrom === undefined && value !== reference && value.includes(reference)) return [];
    return [
      `${path}.env[${i}]: hides previous definition of ${quote(name)}, which may be dropped when using apply`,
    ];
  });
}
