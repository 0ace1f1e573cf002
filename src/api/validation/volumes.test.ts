import assert from "node:assert/strict";
import { test } from "node:test";
import type { Volume } from "../core/v1/types.gen.ts";
import { podRules } from "./pod-rules.ts";
import { validateVolumes } from "./volumes.ts";

type Case = readonly [what: string, volume: object, ...expected: string[]];

function messages(volume: object, meta?: { readonly name: string }): readonly string[] {
  const given = { name: "v", ...volume } as unknown as Volume;
  const { causes } = validateVolumes([given], meta, "spec.volumes", podRules(true));
  return causes.map((c) => `${c.field}: ${c.message}`);
}

const at = "spec.volumes[0]";
const cases: readonly Case[] = [
  ["no source", {}, `${at}: Required value: must specify a volume type`],
  [
    "three sources, in upstream's order and spelling",
    { cephfs: { monitors: ["m"] }, downwardAPI: {}, emptyDir: { sizeLimit: "-1" } },
    `${at}.emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity`,
    `${at}.cephFS: Forbidden: may not specify more than 1 volume type`,
    `${at}.downwarAPI: Forbidden: may not specify more than 1 volume type`,
  ],
  [
    "a disk under another name",
    { gcePersistentDisk: { pdName: "", partition: 256 } },
    `${at}.persistentDisk.pdName: Required value`,
    `${at}.persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive`,
  ],
  [
    "an NFS path that is relative",
    { nfs: { server: "s", path: "a" } },
    `${at}.nfs.path: Invalid value: "a": must be an absolute path`,
  ],
  [
    "everything wrong with iSCSI",
    {
      iscsi: {
        targetPortal: "",
        iqn: "iqn.nope",
        lun: 256,
        chapAuthSession: true,
        initiatorName: "abc",
      },
    },
    `${at}.iscsi.targetPortal: Required value`,
    `${at}.iscsi.iqn: Invalid value: "iqn.nope": must be valid format`,
    `${at}.iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive`,
    `${at}.iscsi.secretRef: Required value`,
    `${at}.iscsi.initiatorname: Invalid value: "abc": must be valid format starting with iqn, eui, or naa`,
  ],
  [
    "fibre channel without a number",
    { fc: { targetWWNs: ["w"] } },
    `${at}.fc.lun: Required value: lun is required if targetWWNs is specified`,
  ],
  [
    "a flex option of the system's",
    { flexVolume: { driver: "d", options: { "x.Kubernetes.io/a": "1" } } },
    `${at}.flexVolume.options[x.Kubernetes.io/a]: Invalid value: "x.Kubernetes.io/a": kubernetes.io and k8s.io namespaces are reserved`,
  ],
  [
    "a managed disk with a blob's address",
    { azureDisk: { diskName: "d", diskURI: "https://x", kind: "Managed" } },
    `${at}.azureDisk.diskURI: Unsupported value: "https://x": supported values: "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"`,
  ],
  [
    "a CSI driver with a bad name and a secret without one",
    { csi: { driver: "a_b", nodePublishSecretRef: { name: "" } } },
    `${at}.csi.driver: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
    `${at}.csi.nodePublishSecretRef.name: Required value`,
  ],
  [
    "an image without reference and policy",
    { image: {} },
    `${at}.image.reference: Required value`,
    `${at}.image.pullPolicy: Required value`,
  ],
  [
    "two kinds in one projection",
    { projected: { sources: [{ secret: { name: "s" }, configMap: { name: "c" } }] } },
    `${at}.projected.sources[0]: Forbidden: may not specify more than 1 volume type per source`,
  ],
  [
    "files that lie on each other",
    {
      projected: {
        sources: [
          { secret: { name: "s", items: [{ key: "k", path: "a" }] } },
          { configMap: { name: "c", items: [{ key: "k", path: "a" }] } },
        ],
      },
    },
    `${at}.projected: Invalid value: "c": conflicting duplicate paths`,
  ],
  [
    "a claim template that names itself",
    {
      ephemeral: {
        volumeClaimTemplate: {
          metadata: { name: "x" },
          spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
        },
      },
    },
    `${at}.ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set`,
  ],
];

for (const [what, volume, ...expected] of cases) {
  test(`validateVolumes: ${what}`, () => assert.deepEqual(messages(volume), expected));
}

test("validateVolumes knows the name of the claim that a pod will make", () => {
  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  const [first] = messages({ ephemeral: { volumeClaimTemplate: { spec } } }, { name: "x".repeat(252) });
  assert.match(
    first ?? "",
    /^spec\.volumes\[0\]\.name: Invalid value: "v": PVC name "x+-v": must be no more/,
  );
});
