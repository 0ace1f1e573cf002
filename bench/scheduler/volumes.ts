/** A volume and a claim that are bound to each other, as the PV controller leaves them. @module */
import { PersistentVolumes } from "#api/core/v1/persistentvolume";
import { PersistentVolumeClaims } from "#api/core/v1/persistentvolumeclaim";
import type { Client } from "#client";
import type { PodTemplate } from "./pod-template.ts";

export async function createBoundClaim(
  client: Client,
  { volume }: PodTemplate,
  name: string,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  const common = { accessModes: ["ReadOnlyMany"], storageClassName: "" };
  const source =
    volume === "in-tree"
      ? { awsElasticBlockStore: { volumeID: name } }
      : { csi: { driver: "ebs.csi.aws.com", volumeHandle: name } };
  const volumeName = `${namespace}-${name}`;
  const spec = {
    ...common,
    ...source,
    capacity: { storage: "1Gi" },
    claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name },
  };
  const metadata = { name: volumeName };
  await client.create(
    PersistentVolumes,
    { apiVersion: "v1", kind: "PersistentVolume", metadata, spec },
    signal,
  );
  await client.create(
    PersistentVolumeClaims,
    {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name, namespace, annotations: { "pv.kubernetes.io/bind-completed": "true" } },
      spec: { ...common, volumeName, resources: { requests: { storage: "1Gi" } } },
    },
    signal,
  );
}
