/** Volumes of a pod. @module */
import {
  field,
  isDns1123Label,
  isDns1123Subdomain,
  parseQuantity,
  signOf,
  type ObjectMeta,
} from "#apimachinery";
import type { KeyToPath, Volume } from "../core/v1/types.gen.ts";
import { validateClaimTemplate } from "./claim-spec.ts";
import { all, each, NONE, obeys, requiredName, requiredOneOf, type Causes } from "./common.ts";
import { validatePodIscsi } from "./iscsi.ts";
import type { PodRules } from "./pod-rules.ts";
import { validateProjected } from "./projected-volume.ts";
import { validateDownwardFile, validateKeyToPath, validateMode } from "./volume-files.ts";
import * as sources from "./volume-sources.ts";
import type { Source, SourceRule } from "./volume-sources.ts";

export const PULL_POLICIES: readonly string[] = ["Always", "IfNotPresent", "Never"];

interface SourceContext {
  readonly volume: Volume;
  readonly podName: string;
  readonly rules: PodRules;
  /** Of the volume. */
  readonly path: string;
}

interface SourceEntry {
  readonly field: string;
  /** What upstream calls the source in paths below it; absent: as the field. */
  readonly child?: string;
  /** What upstream calls the source when it is one too many; absent: as the field. */
  readonly extra?: string;
  readonly rule: (source: Source, path: string, context: SourceContext) => Causes;
}

const entry = (name: string, rule: SourceEntry["rule"]): SourceEntry => ({ field: name, rule });

/** In upstream's order: the first that is there counts, the others are too many. */
const SOURCES: readonly SourceEntry[] = [
  entry("emptyDir", emptyDir),
  entry("hostPath", sources.hostPath),
  entry("gitRepo", sources.gitRepo),
  { ...entry("gcePersistentDisk", sources.gcePersistentDisk), child: "persistentDisk" },
  entry("awsElasticBlockStore", sources.awsElasticBlockStore),
  entry("secret", (source, path) => files(source, "secretName", path)),
  entry("nfs", sources.nfs),
  entry("iscsi", (source, path, c) => validatePodIscsi(source, path, c.volume.name, c.path)),
  entry("glusterfs", sources.requires("endpoints", "path")),
  entry("flocker", sources.flocker),
  entry("persistentVolumeClaim", sources.requires("claimName")),
  entry("rbd", sources.requires("monitors", "image")),
  entry("cinder", sources.both(sources.requires("volumeID"), sources.requiresInSecretRef("name"))),
  { ...entry("cephfs", sources.requires("monitors")), extra: "cephFS" },
  entry("quobyte", sources.quobyte),
  { ...entry("downwardAPI", downwardApi), extra: "downwarAPI" },
  entry("fc", sources.fc),
  entry("flexVolume", sources.flexVolume),
  entry("configMap", (source, path) => files(source, "name", path)),
  entry("azureFile", sources.requires("secretName", "shareName")),
  entry("vsphereVolume", sources.requires("volumePath")),
  entry("photonPersistentDisk", sources.requires("pdID")),
  entry("portworxVolume", sources.requires("volumeID")),
  entry("azureDisk", sources.azureDisk),
  entry("storageos", sources.storageos(["name"])),
  entry("projected", (_, path, c) => validateProjected(c.volume.projected!, path, c.rules)),
  entry("scaleIO", sources.requires("gateway", "system", "volumeName")),
  entry("csi", csi),
  entry("ephemeral", ephemeral),
  entry("image", image),
];

/** The valid volumes by name, which mounts may refer to, and what is wrong with the others. */
export function validateVolumes(
  volumes: readonly Volume[] | undefined,
  meta: Partial<ObjectMeta> | undefined,
  path: string,
  rules: PodRules,
): { readonly byName: ReadonlyMap<string, Volume>; readonly causes: Causes } {
  const byName = new Map<string, Volume>();
  const podName = meta?.name ?? "";
  const created = new Set(
    (volumes ?? []).flatMap((v) => (v.ephemeral && podName ? [`${podName}-${v.name}`] : [])),
  );
  const causes = each(volumes, path, (volume, at) => {
    const namePath = field.child(at, "name");
    const own = all(
      validateVolumeSource({ volume, podName, rules, path: at }),
      requiredName(isDns1123Label, volume.name, namePath),
      byName.has(volume.name) ? [field.duplicate(namePath, volume.name)] : NONE,
    );
    if (own.length === 0) byName.set(volume.name, volume);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim === undefined || !created.has(claim)) return own;
    const message = "must not reference a PVC that gets created for an ephemeral volume";
    return [...own, field.invalid(field.child(at, "persistentVolumeClaim", "claimName"), claim, message)];
  });
  return { byName, causes };
}

function validateVolumeSource(context: SourceContext): Causes {
  const { path } = context;
  const given = context.volume as unknown as Readonly<Record<string, Source | undefined>>;
  let found = NONE;
  let count = 0;
  for (const source of SOURCES) {
    const value = given[source.field];
    if (value === undefined) continue;
    count += 1;
    const causes =
      count === 1
        ? source.rule(value, field.child(path, source.child ?? source.field), context)
        : [field.forbidden(field.child(path, source.extra ?? source.field), MORE_THAN_ONE)];
    found = all(found, causes);
  }
  return count === 0 ? [field.required(path, "must specify a volume type")] : found;
}

export const MORE_THAN_ONE = "may not specify more than 1 volume type";

function emptyDir(source: Source, path: string): Causes {
  const limit = source["sizeLimit"] as string | undefined;
  if (limit === undefined || signOf(parseQuantity(limit)) >= 0) return NONE;
  return [
    field.forbidden(field.child(path, "sizeLimit"), "SizeLimit field must be a valid resource quantity"),
  ];
}

interface FileSource {
  readonly name?: string;
  readonly secretName?: string;
  readonly defaultMode?: number;
  readonly items?: readonly KeyToPath[];
}

function files(source: FileSource, nameField: "name" | "secretName", path: string): Causes {
  return all(
    source[nameField] ? NONE : [field.required(field.child(path, nameField))],
    validateMode(source.defaultMode, field.child(path, "defaultMode")),
    each(source.items, field.child(path, "items"), validateKeyToPath),
  );
}

function downwardApi(_: Source, path: string, { volume }: SourceContext): Causes {
  const { defaultMode, items = [] } = volume.downwardAPI!;
  return all(
    validateMode(defaultMode, field.child(path, "defaultMode")),
    items.flatMap((file) => validateDownwardFile(file, path)),
  );
}

const driver: SourceRule = (source, path) =>
  sources.validateCsiDriverName((source["driver"] as string | undefined) ?? "", field.child(path, "driver"));

function csi(source: Source, path: string): Causes {
  const ref = source["nodePublishSecretRef"] as { readonly name?: string } | undefined;
  if (ref === undefined) return driver(source, path);
  const named = ref.name
    ? obeys(isDns1123Subdomain, ref.name, field.child(path, "name"))
    : [field.required(field.child(path, "nodePublishSecretRef", "name"))];
  return all(driver(source, path), named);
}

function ephemeral(_: Source, path: string, { volume, podName, path: volumePath }: SourceContext): Causes {
  const template = volume.ephemeral!.volumeClaimTemplate;
  const at = field.child(path, "volumeClaimTemplate");
  const claim = `${podName}-${volume.name}`;
  const isKnown = podName !== "" && volume.name !== "";
  return all(
    template === undefined ? [field.required(at)] : validateClaimTemplate(template, at),
    isKnown
      ? isDns1123Subdomain(claim).map((message) =>
          field.invalid(
            field.child(volumePath, "name"),
            volume.name,
            `PVC name ${JSON.stringify(claim)}: ${message}`,
          ),
        )
      : NONE,
  );
}

/** Templates may leave the image out: pods get it from elsewhere. */
function image(source: Source, path: string, { rules }: SourceContext): Causes {
  return all(
    rules.isPod ? sources.requires("reference")(source, path) : NONE,
    requiredOneOf(source["pullPolicy"] as string | undefined, PULL_POLICIES, field.child(path, "pullPolicy")),
  );
}
