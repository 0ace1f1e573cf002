/** One small valid object per kind that is stored, as a user would write it. @module */
import type { KubeObject } from "#apimachinery";

export interface Sample {
  /** A path of the API without the name: `/apis/apps/v1/namespaces/default/deployments`. */
  readonly collection: string;
  readonly object: KubeObject;
}

type Body = Readonly<Record<string, unknown>>;

function sample(apiVersion: string, kind: string, plural: string, body: Body, options: Options = {}): Sample {
  const { namespace = "default", name = "sample" } = options;
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const collection = namespace === "" ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`;
  const { metadata, ...rest } = body as { readonly metadata?: Body };
  const object = { apiVersion, kind, metadata: { ...metadata, name }, ...rest };
  return { collection, object };
}

interface Options {
  /** "": cluster-scoped. */
  readonly namespace?: string;
  readonly name?: string;
}

const CLUSTER = { namespace: "" };
const LABELS = { app: "sample" };
const SELECTOR = { matchLabels: LABELS };
const ANCHOR = `-----BEGIN CERTIFICATE-----
MIIBaTCCAQ+gAwIBAgIQXrR7uJHwVy569zXSLA/b0jAKBggqhkjOPQQDAjANMQsw
CQYDVQQDEwJjYTAeFw0yNjExMjEwMjEyMjVaFw0zNjExMTgwMjE3MjVaMA0xCzAJ
BgNVBAMTAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEX+UMsI7PYquF004p
Qhw6MRHQ7+al7X+GdT5GzbtS0JE8t+gqDP9o34J1cKjVwlMlepTXc1u1RowBMEfU
YJ/o9KNRME8wDwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAqQwHQYDVR0O
BBYEFNos/jzLplch7bxpqeQEoAeYhiOpMA0GA1UdEQQGMASCAmNhMAoGCCqGSM49
BAMCA0gAMEUCIDSrC1UAEp3XSYi680/pcn1NB1ff+EL0REoMacJT2rUEAiEAlcsb
tWRELRjh1QCJqSH0Fohy6SdmtstMb1/K7bfzi/Q=
-----END CERTIFICATE-----
`;
const CONTAINERS = [{ name: "c", image: "busybox", resources: { requests: { cpu: "100m" } } }];
const TEMPLATE = { metadata: { labels: LABELS }, spec: { containers: CONTAINERS } };
const JOB = { template: { spec: { containers: CONTAINERS, restartPolicy: "Never" } } };
const RULES = [
  { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["deployments"] },
];
const WEBHOOK = {
  name: "a.example.com",
  rules: RULES,
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
  failurePolicy: "Ignore",
  clientConfig: { service: { namespace: "default", name: "none" } },
  objectSelector: { matchLabels: { judged: "never" } },
};
const CLAIM = {
  devices: {
    requests: [
      {
        name: "gpu",
        exactly: {
          deviceClassName: "sample",
          selectors: [{ cel: { expression: `device.driver == "gpu.example.com"` } }],
        },
      },
    ],
    constraints: [{ requests: ["gpu"], matchAttribute: "example.com/numa" }],
  },
};
const REQUEST = `-----BEGIN CERTIFICATE REQUEST-----
MIHFMG4CAQAwDDEKMAgGA1UEAxMBeDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA
BDtEw+his4Se26DOTCjaSt2FIK60+dxXHVs89AnZAs/QjLOMOgjCxS9N6GkUBOWK
kHmKI7tMBAamvuYbHW13pRSgADAKBggqhkjOPQQDAgNHADBEAiA/XZsdmIbxC8Q0
eiceYqkSW6rwOWSatC1Vf0oPr/sywAIgYiuEr+IE8vYnPR3aOVShuvIU/6cXr2hu
0HZ0CADvydE=
-----END CERTIFICATE REQUEST-----
`;

const core: readonly Sample[] = [
  sample("v1", "ConfigMap", "configmaps", { data: { a: "b" }, binaryData: { c: "AQI=" } }),
  sample("v1", "Endpoints", "endpoints", {
    subsets: [{ addresses: [{ ip: "192.0.2.1" }], ports: [{ port: 80 }] }],
  }),
  sample("v1", "Event", "events", {
    involvedObject: { kind: "Pod", name: "p", namespace: "default" },
    reason: "Tested",
    message: "a",
    type: "Normal",
  }),
  sample("v1", "LimitRange", "limitranges", { spec: { limits: [{ type: "Container", max: { cpu: "2" } }] } }),
  sample("v1", "Namespace", "namespaces", {}, CLUSTER),
  sample("v1", "Node", "nodes", { spec: { podCIDR: "192.0.2.0/24", podCIDRs: ["192.0.2.0/24"] } }, CLUSTER),
  sample("v1", "PersistentVolumeClaim", "persistentvolumeclaims", {
    spec: {
      accessModes: ["ReadWriteOnce"],
      storageClassName: "",
      resources: { requests: { storage: "1Gi" } },
    },
  }),
  sample(
    "v1",
    "PersistentVolume",
    "persistentvolumes",
    { spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/tmp/a" } } },
    CLUSTER,
  ),
  sample("v1", "Pod", "pods", { spec: { containers: CONTAINERS, terminationGracePeriodSeconds: 0 } }),
  sample("v1", "PodTemplate", "podtemplates", { template: TEMPLATE }),
  sample("v1", "ReplicationController", "replicationcontrollers", {
    spec: { selector: LABELS, template: TEMPLATE },
  }),
  sample("v1", "ResourceQuota", "resourcequotas", { spec: { hard: { services: "10" } } }),
  sample("v1", "Secret", "secrets", { data: { a: "Yg==" } }),
  sample("v1", "ServiceAccount", "serviceaccounts", {}),
  sample("v1", "Service", "services", { spec: { selector: LABELS, ports: [{ port: 80 }] } }),
];

const workloads: readonly Sample[] = [
  sample("apps/v1", "ControllerRevision", "controllerrevisions", { data: { a: "b" }, revision: 1 }),
  sample("apps/v1", "DaemonSet", "daemonsets", { spec: { selector: SELECTOR, template: TEMPLATE } }),
  sample("apps/v1", "Deployment", "deployments", { spec: { selector: SELECTOR, template: TEMPLATE } }),
  sample("apps/v1", "ReplicaSet", "replicasets", { spec: { selector: SELECTOR, template: TEMPLATE } }),
  sample("apps/v1", "StatefulSet", "statefulsets", {
    spec: { serviceName: "s", selector: SELECTOR, template: TEMPLATE },
  }),
  sample("autoscaling/v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", {
    spec: { scaleTargetRef: { kind: "Deployment", name: "d", apiVersion: "apps/v1" }, maxReplicas: 3 },
  }),
  sample("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", {
    spec: { scaleTargetRef: { kind: "Deployment", name: "d", apiVersion: "apps/v1" }, maxReplicas: 3 },
  }),
  sample("batch/v1", "CronJob", "cronjobs", {
    spec: { schedule: "*/5 * * * *", jobTemplate: { spec: JOB } },
  }),
  sample("batch/v1", "Job", "jobs", { spec: JOB }),
  sample("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets", {
    spec: { minAvailable: "50%", selector: SELECTOR },
  }),
  sample("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", { value: 7 }, CLUSTER),
  sample("node.k8s.io/v1", "RuntimeClass", "runtimeclasses", { handler: "runc" }, CLUSTER),
];

const networking: readonly Sample[] = [
  sample("networking.k8s.io/v1", "Ingress", "ingresses", {
    spec: {
      rules: [
        {
          host: "*.example.com",
          http: {
            paths: [
              { path: "/", pathType: "Prefix", backend: { service: { name: "s", port: { number: 80 } } } },
            ],
          },
        },
      ],
    },
  }),
  sample(
    "networking.k8s.io/v1",
    "IngressClass",
    "ingressclasses",
    { spec: { controller: "example.com/c", parameters: { kind: "P", name: "p" } } },
    CLUSTER,
  ),
  sample(
    "networking.k8s.io/v1",
    "IPAddress",
    "ipaddresses",
    { spec: { parentRef: { resource: "services", namespace: "default", name: "s" } } },
    { namespace: "", name: "203.0.113.7" },
  ),
  sample("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", {
    spec: {
      podSelector: {},
      egress: [
        { to: [{ ipBlock: { cidr: "192.0.2.0/24", except: ["192.0.2.0/28"] } }], ports: [{ port: 53 }] },
      ],
    },
  }),
  sample(
    "networking.k8s.io/v1",
    "ServiceCIDR",
    "servicecidrs",
    { spec: { cidrs: ["198.51.100.0/24"] } },
    CLUSTER,
  ),
  sample("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", {
    addressType: "IPv4",
    endpoints: [{ addresses: ["192.0.2.1"], conditions: { ready: true } }],
    ports: [{ name: "http", port: 80 }],
  }),
];

const identity: readonly Sample[] = [
  sample(
    "rbac.authorization.k8s.io/v1",
    "ClusterRole",
    "clusterroles",
    { rules: [{ nonResourceURLs: ["/healthz"], verbs: ["get"] }] },
    CLUSTER,
  ),
  sample(
    "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding",
    "clusterrolebindings",
    {
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "view" },
      subjects: [{ kind: "User", name: "u" }],
    },
    CLUSTER,
  ),
  sample("rbac.authorization.k8s.io/v1", "Role", "roles", {
    rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }],
  }),
  sample("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", {
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "r" },
    subjects: [{ kind: "ServiceAccount", name: "s", namespace: "default" }],
  }),
  sample(
    "certificates.k8s.io/v1",
    "CertificateSigningRequest",
    "certificatesigningrequests",
    {
      spec: {
        request: Buffer.from(REQUEST).toString("base64"),
        signerName: "example.com/s",
        usages: ["client auth"],
      },
    },
    CLUSTER,
  ),
  sample(
    "certificates.k8s.io/v1",
    "ClusterTrustBundle",
    "clustertrustbundles",
    { spec: { trustBundle: ANCHOR } },
    CLUSTER,
  ),
  sample("certificates.k8s.io/v1", "PodCertificateRequest", "podcertificaterequests", {
    spec: {
      signerName: "example.com/s",
      podName: "p",
      podUID: "1",
      serviceAccountName: "a",
      serviceAccountUID: "2",
      nodeName: "n",
      nodeUID: "3",
      stubPKCS10Request: REQUEST.replaceAll(/-----[^-]+-----|\s/g, ""),
      unverifiedUserAnnotations: { "example.com/a": "b" },
    },
  }),
  sample("coordination.k8s.io/v1", "Lease", "leases", {
    spec: { holderIdentity: "me", leaseDurationSeconds: 15, renewTime: "2026-01-02T03:04:05.123457Z" },
  }),
  sample("events.k8s.io/v1", "Event", "events", {
    eventTime: "2026-01-02T03:04:05.123457Z",
    regarding: { kind: "Pod", name: "p", namespace: "default" },
    reportingController: "example.com/c",
    reportingInstance: "c-1",
    action: "Test",
    reason: "Tested",
    type: "Normal",
  }),
];

const storage: readonly Sample[] = [
  sample("storage.k8s.io/v1", "CSIDriver", "csidrivers", { spec: { podInfoOnMount: true } }, CLUSTER),
  sample(
    "storage.k8s.io/v1",
    "CSINode",
    "csinodes",
    { spec: { drivers: [{ name: "d.example.com", nodeID: "n", topologyKeys: ["example.com/zone"] }] } },
    CLUSTER,
  ),
  sample("storage.k8s.io/v1", "CSIStorageCapacity", "csistoragecapacities", {
    storageClassName: "sc",
    capacity: "1Gi",
  }),
  sample(
    "storage.k8s.io/v1",
    "StorageClass",
    "storageclasses",
    { provisioner: "d.example.com", parameters: { type: "fast" } },
    CLUSTER,
  ),
  sample(
    "storage.k8s.io/v1",
    "VolumeAttachment",
    "volumeattachments",
    { spec: { attacher: "d.example.com", nodeName: "n", source: { persistentVolumeName: "pv" } } },
    CLUSTER,
  ),
  sample(
    "storage.k8s.io/v1",
    "VolumeAttributesClass",
    "volumeattributesclasses",
    { driverName: "d.example.com", parameters: { iops: "100" } },
    CLUSTER,
  ),
];

const extension: readonly Sample[] = [
  sample(
    "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration",
    "validatingwebhookconfigurations",
    { webhooks: [WEBHOOK] },
    CLUSTER,
  ),
  sample(
    "admissionregistration.k8s.io/v1",
    "MutatingWebhookConfiguration",
    "mutatingwebhookconfigurations",
    { webhooks: [WEBHOOK] },
    CLUSTER,
  ),
  sample(
    "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicy",
    "validatingadmissionpolicies",
    {
      spec: {
        matchConstraints: { resourceRules: RULES },
        validations: [{ expression: "object.spec.replicas <= 5" }],
      },
    },
    CLUSTER,
  ),
  sample(
    "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicyBinding",
    "validatingadmissionpolicybindings",
    { spec: { policyName: "none", validationActions: ["Deny"] } },
    CLUSTER,
  ),
  sample(
    "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicy",
    "mutatingadmissionpolicies",
    {
      spec: {
        matchConstraints: { resourceRules: RULES },
        mutations: [
          { patchType: "JSONPatch", jsonPatch: { expression: `[JSONPatch{op: "remove", path: "/a"}]` } },
        ],
        reinvocationPolicy: "Never",
      },
    },
    CLUSTER,
  ),
  sample(
    "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicyBinding",
    "mutatingadmissionpolicybindings",
    { spec: { policyName: "none" } },
    CLUSTER,
  ),
  sample(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    "customresourcedefinitions",
    {
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { plural: "samples", singular: "sample", kind: "Sample", listKind: "SampleList" },
        versions: [
          { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } },
        ],
      },
    },
    { namespace: "", name: "samples.example.com" },
  ),
  sample(
    "apiregistration.k8s.io/v1",
    "APIService",
    "apiservices",
    {
      spec: {
        group: "aggregated.example.com",
        version: "v1",
        groupPriorityMinimum: 1000,
        versionPriority: 15,
        service: { namespace: "default", name: "none" },
      },
    },
    { namespace: "", name: "v1.aggregated.example.com" },
  ),
  sample(
    "flowcontrol.apiserver.k8s.io/v1",
    "FlowSchema",
    "flowschemas",
    {
      spec: {
        priorityLevelConfiguration: { name: "global-default" },
        rules: [
          {
            subjects: [{ kind: "User", user: { name: "u" } }],
            nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/a"] }],
          },
        ],
      },
    },
    CLUSTER,
  ),
  sample(
    "flowcontrol.apiserver.k8s.io/v1",
    "PriorityLevelConfiguration",
    "prioritylevelconfigurations",
    { spec: { type: "Limited", limited: { limitResponse: { type: "Reject" } } } },
    CLUSTER,
  ),
];

const devices: readonly Sample[] = [
  sample(
    "resource.k8s.io/v1",
    "DeviceClass",
    "deviceclasses",
    { spec: { selectors: [{ cel: { expression: `device.driver == "gpu.example.com"` } }] } },
    CLUSTER,
  ),
  sample("resource.k8s.io/v1", "ResourceClaim", "resourceclaims", { spec: CLAIM }),
  sample("resource.k8s.io/v1", "ResourceClaimTemplate", "resourceclaimtemplates", { spec: { spec: CLAIM } }),
  sample(
    "resource.k8s.io/v1",
    "DeviceTaintRule",
    "devicetaintrules",
    { spec: { deviceSelector: { pool: "n" }, taint: { key: "example.com/a", effect: "NoSchedule" } } },
    CLUSTER,
  ),
  sample(
    "storagemigration.k8s.io/v1",
    "StorageVersionMigration",
    "storageversionmigrations",
    { spec: { resource: { group: "apps", resource: "deployments" } } },
    CLUSTER,
  ),
  sample(
    "resource.k8s.io/v1",
    "ResourceSlice",
    "resourceslices",
    {
      spec: {
        driver: "gpu.example.com",
        pool: { name: "n", generation: 1, resourceSliceCount: 1 },
        nodeName: "n",
        devices: [
          {
            name: "gpu-0",
            attributes: {
              model: { string: "a" },
              "example.com/numa": { int: 1 },
              driver: { version: "1.2.3" },
            },
            capacity: { memory: { value: "8Gi" } },
          },
        ],
      },
    },
    CLUSTER,
  ),
];

/** Of versions that are off by default. */
const beta: readonly Sample[] = [
  sample("coordination.k8s.io/v1beta1", "LeaseCandidate", "leasecandidates", {
    spec: {
      leaseName: "l",
      binaryVersion: "1.36.0",
      emulationVersion: "1.36.0",
      strategy: "OldestEmulationVersion",
    },
  }),
  sample(
    "storagemigration.k8s.io/v1beta1",
    "StorageVersionMigration",
    "storageversionmigrations",
    { spec: { resource: { group: "apps", resource: "deployments" } } },
    { ...CLUSTER, name: "beta" },
  ),
  sample(
    "networking.k8s.io/v1beta1",
    "ServiceCIDR",
    "servicecidrs",
    { spec: { cidrs: ["198.51.100.0/24"] } },
    CLUSTER,
  ),
  sample("resource.k8s.io/v1beta2", "ResourceClaim", "resourceclaims", { spec: CLAIM }),
];

export const samples: readonly Sample[] = [
  ...core,
  ...workloads,
  ...networking,
  ...identity,
  ...storage,
  ...extension,
  ...devices,
  ...beta,
];
