/** Whose work it is to expand a volume: since the last built-in plugin went, always somebody else's. Pure. @module */
import { compareAmounts } from "#apimachinery";
import type { PersistentVolume, PersistentVolumeClaim } from "#api/core/v1/types.gen";

/** Read by the external resizer: the driver that is to expand the claim's volume. */
export const STORAGE_RESIZER = "volume.kubernetes.io/storage-resizer";

/** Field of a volume's spec → its former plugin, and the CSI driver that took its place. */
const MIGRATED: Readonly<Record<string, readonly [plugin: string, driver: string]>> = {
  gcePersistentDisk: ["kubernetes.io/gce-pd", "pd.csi.storage.gke.io"],
  awsElasticBlockStore: ["kubernetes.io/aws-ebs", "ebs.csi.aws.com"],
  cinder: ["kubernetes.io/cinder", "cinder.csi.openstack.org"],
  azureDisk: ["kubernetes.io/azure-disk", "disk.csi.azure.com"],
  azureFile: ["kubernetes.io/azure-file", "file.csi.azure.com"],
  vsphereVolume: ["kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com"],
  portworxVolume: ["kubernetes.io/portworx-volume", "pxd.portworx.com"],
};

export interface ExpandPlan {
  readonly message: string;
  /** To be noted at the claim. */
  readonly resizer?: string;
}

/** Bound, and asks for more than it has. */
export function wantsMore({ spec, status }: PersistentVolumeClaim): boolean {
  if (status?.phase !== "Bound") return false;
  const [wanted, has] = [spec?.resources?.requests?.["storage"], status.capacity?.["storage"]];
  return compareAmounts(wanted ?? "0", has ?? "0") > 0;
}

/** Throws when the volume is not the claim's. */
export function plan(claim: PersistentVolumeClaim, volume: PersistentVolume): ExpandPlan {
  const { namespace, name, uid } = claim.metadata;
  const ref = volume.spec?.claimRef;
  if (ref?.namespace !== namespace || ref?.uid !== uid)
    throw new Error(`persistent Volume is not bound to PVC being updated : ${namespace}/${name}`);
  const source = Object.keys(volume.spec ?? {}).find((field) => MIGRATED[field] !== undefined);
  if (source === undefined) return { message: "waiting for an external controller to expand this PVC" };
  const [plugin, resizer] = MIGRATED[source]!;
  return {
    message: `CSI migration enabled for ${plugin}; waiting for external resizer to expand the pvc`,
    resizer,
  };
}
