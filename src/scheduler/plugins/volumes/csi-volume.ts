/** Volumes as CSI drivers know them, those of former in-tree plugins too: their drivers have taken over (KEP-625). @module */
import type { PersistentVolumeSpec, Volume } from "#api/core/v1/types.gen";
import type { CSINode } from "#api/storage/v1/types.gen";

export interface CsiVolume {
  readonly driver: string;
  readonly handle: string;
  /** The in-tree plugin that the volume names; undefined: it names its driver. */
  readonly plugin: string | undefined;
}

type Source = Pick<
  PersistentVolumeSpec & Volume,
  "awsElasticBlockStore" | "gcePersistentDisk" | "azureDisk" | "cinder" | "vsphereVolume" | "portworxVolume"
>;

interface Migration {
  readonly plugin: string;
  readonly driver: string;
  readonly handleOf: (source: Source) => string | undefined;
}

/** Of what is attached to nodes. */
const MIGRATIONS: readonly Migration[] = [
  {
    plugin: "kubernetes.io/aws-ebs",
    driver: "ebs.csi.aws.com",
    // `aws://ZONE/ID` or the bare id
    handleOf: ({ awsElasticBlockStore: disk }) => disk?.volumeID.split("/").at(-1),
  },
  {
    plugin: "kubernetes.io/gce-pd",
    driver: "pd.csi.storage.gke.io",
    handleOf: ({ gcePersistentDisk: disk }) => disk?.pdName,
  },
  {
    plugin: "kubernetes.io/azure-disk",
    driver: "disk.csi.azure.com",
    handleOf: ({ azureDisk: disk }) => disk?.diskURI,
  },
  {
    plugin: "kubernetes.io/cinder",
    driver: "cinder.csi.openstack.org",
    handleOf: ({ cinder: disk }) => disk?.volumeID,
  },
  {
    plugin: "kubernetes.io/vsphere-volume",
    driver: "csi.vsphere.vmware.com",
    handleOf: ({ vsphereVolume: disk }) => disk?.volumePath,
  },
  {
    plugin: "kubernetes.io/portworx-volume",
    driver: "pxd.portworx.com",
    handleOf: ({ portworxVolume: disk }) => disk?.volumeID,
  },
];

/** undefined: no driver attaches it. */
export function csiVolumeOf(spec: PersistentVolumeSpec): CsiVolume | undefined {
  const { csi } = spec;
  return csi === undefined
    ? migratedVolume(spec)
    : { driver: csi.driver, handle: csi.volumeHandle, plugin: undefined };
}

/** For volumes in the pod itself, and in-tree PersistentVolumes. */
export function migratedVolume(source: Source): CsiVolume | undefined {
  for (const { plugin, driver, handleOf } of MIGRATIONS) {
    const handle = handleOf(source);
    if (handle !== undefined) return { plugin, driver, handle };
  }
  return undefined;
}

/** Volumes of a class that are still to be made: which driver will make them. */
export function driverOf(provisioner: string): Pick<CsiVolume, "driver" | "plugin"> {
  const migration = MIGRATIONS.find(({ plugin }) => plugin === provisioner);
  return migration ?? { driver: provisioner, plugin: undefined };
}

/** The in-tree plugins whose driver has taken over on the node. */
export function migratedPlugins(node: CSINode | undefined): ReadonlySet<string> {
  const text = node?.metadata.annotations?.["storage.alpha.kubernetes.io/migrated-plugins"] ?? "";
  return new Set(text.split(",").filter((plugin) => plugin !== ""));
}
