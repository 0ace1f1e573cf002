/** Stable versions of the next release that we serve already (ADR 0008): made from the beta versions that the published definitions hold. @module */
import type { DefinitionRecord, PackageRecord, Shape } from "./definitions.ts";
import type { ResourceRecord } from "./resources.ts";

interface Graduation {
  readonly kind: string;
  /** Resource, as paths name it. */
  readonly plural: string;
  readonly from: string;
  readonly to: string;
  /** Other definitions of the kind, besides its list. */
  readonly parts: readonly string[];
  /** Deprecated fields that did not graduate: `Definition.field`. */
  readonly dropped?: readonly string[];
}

const API = "io.k8s.api";

/** What v1.37 made of what v1.36 has; the fields are the same, with the same protobuf numbers, but for `dropped`. */
const GRADUATIONS: readonly Graduation[] = [
  {
    kind: "ClusterTrustBundle",
    plural: "clustertrustbundles",
    from: `${API}.certificates.v1beta1`,
    to: `${API}.certificates.v1`,
    parts: ["ClusterTrustBundleSpec"],
  },
  {
    kind: "PodCertificateRequest",
    plural: "podcertificaterequests",
    from: `${API}.certificates.v1beta1`,
    to: `${API}.certificates.v1`,
    parts: ["PodCertificateRequestSpec", "PodCertificateRequestStatus"],
    dropped: ["PodCertificateRequestSpec.pkixPublicKey", "PodCertificateRequestSpec.proofOfPossession"],
  },
  {
    kind: "DeviceTaintRule",
    plural: "devicetaintrules",
    from: `${API}.resource.v1beta2`,
    to: `${API}.resource.v1`,
    parts: ["DeviceTaintRuleSpec", "DeviceTaintRuleStatus", "DeviceTaintSelector"],
  },
  {
    kind: "StorageVersionMigration",
    plural: "storageversionmigrations",
    from: `${API}.storagemigration.v1beta1`,
    to: `${API}.storagemigration.v1`,
    parts: ["StorageVersionMigrationSpec", "StorageVersionMigrationStatus"],
  },
];

type Resources = ReadonlyMap<string, readonly ResourceRecord[]>;

export interface Published {
  readonly packages: readonly PackageRecord[];
  /** By `group/version`. */
  readonly resources: Resources;
}

/** Those whose beta version is not there, or which are stable already, are left alone. */
export function withGraduated(
  published: Published,
  graduations: readonly Graduation[] = GRADUATIONS,
): Published {
  return graduations.reduce(graduate, published);
}

function graduate({ packages, resources }: Published, graduation: Graduation): Published {
  const from = packages.find(({ name }) => name === graduation.from);
  const names = [graduation.kind, `${graduation.kind}List`, ...graduation.parts];
  const beta = (from?.definitions ?? []).filter(({ name }) => names.includes(name));
  const version = graduation.to.slice(graduation.to.lastIndexOf(".") + 1);
  const known = packages.find(({ name }) => name === graduation.to);
  const isStable = known?.definitions.some(({ name }) => name === graduation.kind) === true;
  if (from === undefined || beta.length !== names.length || isStable) return { packages, resources };
  const to = known ?? {
    ...from,
    name: graduation.to,
    version,
    folder: from.folder.replace(/[^/]+$/, version),
    definitions: [],
  };
  const definitions = [...to.definitions, ...beta.map((each) => graduated(each, graduation, version))];
  const merged = { ...to, definitions: definitions.toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
  const others = packages.filter(({ name }) => name !== graduation.to);
  return {
    packages: [...others, merged].toSorted((a, b) => (a.folder < b.folder ? -1 : 1)),
    resources: withResource(
      resources,
      `${from.group}/${from.version}`,
      `${from.group}/${version}`,
      graduation,
    ),
  };
}

function graduated(definition: DefinitionRecord, graduation: Graduation, version: string): DefinitionRecord {
  const isKept = (field: string): boolean =>
    graduation.dropped?.includes(`${definition.name}.${field}`) !== true;
  return {
    ...definition,
    gvks: definition.gvks.map((gvk) => ({ ...gvk, version })),
    fields: definition.fields
      .filter(({ name }) => isKept(name))
      .map((field) => ({ ...field, shape: moved(field.shape, graduation) })),
  };
}

/** What the kind refers to in its own package has a stable version, too. */
function moved(shape: Shape, graduation: Graduation): Shape {
  switch (shape.is) {
    case "ref":
      return shape.pkg === graduation.from ? { ...shape, pkg: graduation.to } : shape;
    case "list":
    case "map":
      return { ...shape, of: moved(shape.of, graduation) };
    case "scalar":
    default:
      return shape;
  }
}

function withResource(resources: Resources, from: string, to: string, { plural }: Graduation): Resources {
  const beta = resources.get(from)?.find((resource) => resource.plural === plural);
  if (beta === undefined) return resources;
  const version = to.slice(to.lastIndexOf("/") + 1);
  const subresources = [...beta.subresources].map(
    ([name, { gvk, verbs }]) => [name, { gvk: { ...gvk, version }, verbs }] as const,
  );
  const stable: ResourceRecord = { ...beta, subresources: new Map(subresources) };
  const all = [...(resources.get(to) ?? []), stable].toSorted((a, b) => (a.plural < b.plural ? -1 : 1));
  return new Map([...resources, [to, all]]);
}
