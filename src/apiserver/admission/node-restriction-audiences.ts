/** For whom a pod's node may ask tokens: what the pod projects, and what the CSI drivers of its volumes ask for. Pure but for the lookup. @module */
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeSpec,
  Pod,
  Volume,
} from "#api/core/v1/types.gen";
import type { CSIDriver } from "#api/storage/v1/types.gen";
import type { ObjectLookup } from "./object-lookup.ts";

type Lookup = Pick<ObjectLookup, "get">;

/** `problem`: what could not be looked up, where nothing else asks for the audience. */
export type AudienceAnswer = { readonly asked: boolean; readonly problem?: string };

/** Drivers that have taken over from plugins in the tree. */
const MIGRATED = {
  awsElasticBlockStore: "ebs.csi.aws.com",
  azureDisk: "disk.csi.azure.com",
  azureFile: "file.csi.azure.com",
  cinder: "cinder.csi.openstack.org",
  gcePersistentDisk: "pd.csi.storage.gke.io",
  portworxVolume: "pxd.portworx.com",
  vsphereVolume: "csi.vsphere.vmware.com",
} as const;

export function podAsksForAudience(pod: Pod, audience: string, lookup: Lookup): AudienceAnswer {
  const problems: string[] = [];
  for (const volume of pod.spec?.volumes ?? []) {
    const found = projects(volume, audience) || asksByDriver(pod, volume, audience, lookup);
    if (found === true) return { asked: true };
    if (found !== false) problems.push(found);
  }
  if (problems.length === 0) return { asked: false };
  const unique = [...new Set(problems)];
  return { asked: false, problem: unique.length === 1 ? unique[0]! : `[${unique.join(", ")}]` };
}

function projects({ projected }: Volume, audience: string): boolean {
  return (projected?.sources ?? []).some(
    ({ serviceAccountToken: token }) => token !== undefined && (token.audience ?? "") === audience,
  );
}

/** A string says why that cannot be known. */
function asksByDriver(pod: Pod, volume: Volume, audience: string, lookup: Lookup): boolean | string {
  const source = sourceOf(pod, volume, lookup);
  if (typeof source === "string") return source;
  const name = source.csi?.driver ?? migratedDriver(source);
  if (name === undefined) return false;
  const driver = lookup.get("storage.k8s.io/csidrivers", "", name) as CSIDriver | undefined;
  if (driver === undefined) return `csidriver.storage.k8s.io ${JSON.stringify(name)} not found`;
  return (driver.spec.tokenRequests ?? []).some((request) => request.audience === audience);
}

/** Where the data is, by the claim where the volume has one. */
function sourceOf({ metadata }: Pod, volume: Volume, lookup: Lookup): Volume | PersistentVolumeSpec | string {
  const { name, ephemeral, persistentVolumeClaim } = volume;
  const claimName = ephemeral === undefined ? persistentVolumeClaim?.claimName : `${metadata.name}-${name}`;
  if (claimName === undefined) return volume;
  const claim = lookup.get("core/persistentvolumeclaims", metadata.namespace ?? "", claimName);
  if (claim === undefined) return `persistentvolumeclaim ${JSON.stringify(claimName)} not found`;
  const { volumeName = "" } = (claim as PersistentVolumeClaim).spec ?? {};
  const found = lookup.get("core/persistentvolumes", "", volumeName) as PersistentVolume | undefined;
  return found === undefined
    ? `persistentvolume ${JSON.stringify(volumeName)} not found`
    : (found.spec ?? {});
}

function migratedDriver(source: Volume | PersistentVolumeSpec): string | undefined {
  const keys = Object.keys(MIGRATED) as readonly (keyof typeof MIGRATED)[];
  const key = keys.find((type) => source[type] !== undefined);
  return key && MIGRATED[key];
}
