import assert from "node:assert/strict";
import { test } from "node:test";
import { kubeletConfiguration } from "./kubelet-configuration.ts";

const HEAD = { apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration" };
const read = (fields: object): ReturnType<typeof kubeletConfiguration> =>
  kubeletConfiguration({ ...HEAD, ...fields });

test("kubeletConfiguration() reads what works", () => {
  const fields = {
    maxPods: 20,
    seccompDefault: true,
    containerLogMaxSize: "1Mi",
    evictionHard: { "memory.available": "200Mi" },
    imageMinimumGCAge: "5m",
    shutdownGracePeriod: "30s",
    shutdownGracePeriodCriticalPods: "10s",
    userNamespaces: { idsPerPod: 131_072 },
    serializeImagePulls: true,
    cpuManagerPolicy: "none",
    memorySwap: { swapBehavior: "NoSwap" },
  };
  assert.deepEqual(read(fields).options, {
    maxPods: 20,
    seccompDefault: true,
    containerLogMaxBytes: 1_048_576,
    parallelImagePullsMax: 1,
    userNamespacesIdsPerPod: 131_072,
    eviction: { hard: { "memory.available": "200Mi" } },
    imageGC: { minimumAgeMs: 300_000 },
    shutdown: { gracePeriodSeconds: 30, gracePeriodCriticalPodsSeconds: 10 },
  });
});

const refused: readonly (readonly [object, RegExp])[] = [
  [
    { cpuManagerPolicy: "static" },
    /cpuManagerPolicy "static" is not supported by this kubelet, only "none"/u,
  ],
  [{ memoryManagerPolicy: "Static" }, /memoryManagerPolicy "Static" is not supported/u],
  [{ topologyManagerPolicy: "restricted" }, /topologyManagerPolicy "restricted" is not supported/u],
  [{ memorySwap: { swapBehavior: "LimitedSwap" } }, /memorySwap \{"swapBehavior":"LimitedSwap"\} is not/u],
  [
    { crashLoopBackOff: { maxContainerRestartPeriod: "6m" } },
    /\(got: 360 seconds\) must be set between 1s and 300s/u,
  ],
  [{ cpuCFSQuotaPeriod: "2s" }, /cpuCFSQuotaPeriod .* 2s must be between 1ms and 1sec, inclusive/u],
  [{ eventRecordQPS: -1 }, /eventRecordQPS \(--event-qps\) -1 must not be a negative number/u],
  [{ allowedUnsafeSysctls: ["vm.*"] }, /the sysctls "vm\." are not known to be namespaced/u],
  [{ featureGates: { NoSuchGate: true } }, /unrecognized feature gate: NoSuchGate/u],
  [
    { featureGates: { MemoryQoS: true } },
    /featureGates.MemoryQoS true is not supported by this kubelet, only false/u,
  ],
  [
    { enforceNodeAllocatable: ["system-reserved"] },
    /systemReservedCgroup .* must be specified when "system-reserved"/u,
  ],
  [{ enforceNodeAllocatable: ["pods", "pods"] }, /duplicated enforcements "pods"/u],
  [{ enforceNodeAllocatable: ["none", "pods"] }, /may not contain additional enforcements when "none"/u],
  [{ enforceNodeAllocatable: ["all"] }, /option "all" specified for .* Valid options are "pods"/u],
  [
    { tlsCipherSuites: ["TLS_RSA_WITH_AES_128_CBC_SHA"] },
    /Cipher suite TLS_RSA_WITH_AES_128_CBC_SHA not supported/u,
  ],
  [
    { reservedSystemCPUs: "0-1", systemReservedCgroup: "/system.slice" },
    /can't use reservedSystemCPUs .* with systemReservedCgroup/u,
  ],
  [{ reservedSystemCPUs: "3-1" }, /invalid range "3-1" in the list of CPUs/u],
  [{ reservedSystemCPUs: "0-99999999" }, /no machine has the CPU 99999999/u],
  [{ tlsMinVersion: "VersionTLS10" }, /tlsMinVersion "VersionTLS10" is not supported/u],
  [{ authentication: { anonymous: { enabled: true } } }, /authentication.anonymous.enabled must be false/u],
  [{ authorization: { mode: "AlwaysAllow" } }, /authorization.mode "AlwaysAllow" is not supported/u],
  [{ logging: { verbosity: 4 } }, /logging.verbosity .* not supported/u],
  [{ maxPod: 1 }, /unknown field "maxPod"/u],
  [{ constructor: 1 }, /unknown field "constructor"/u],
  [{ maxPods: "1" }, /maxPods must be a whole number/u],
  [
    { shutdownGracePeriod: "5s", shutdownGracePeriodCriticalPods: "10s" },
    /invalid configuration: shutdownGracePeriodCriticalPods 10s must be <= shutdownGracePeriod 5s/u,
  ],
  [{ shutdownGracePeriod: "500ms" }, /shutdownGracePeriod 500ms must be either zero or otherwise >= 1 sec/u],
  [{ userNamespaces: { idsPerPod: 100_000 } }, /idsPerPod must be a multiple of 65536/u],
  [
    { enableSystemLogQuery: true, enableSystemLogHandler: false },
    /enableSystemLogHandler is required for enableSystemLogQuery/u,
  ],
  [{ imageGCHighThresholdPercent: 70 }, /imageGCLowThresholdPercent .* 80 must be less than .* 70/u],
];

for (const [fields, message] of refused) {
  test(`kubeletConfiguration() refuses ${JSON.stringify(fields)}`, () => {
    assert.throws(() => read(fields), message);
  });
}

test("kubeletConfiguration() refuses another kind", () => {
  assert.throws(() => kubeletConfiguration({ kind: "Pod" }), /not a KubeletConfiguration/u);
});

test("kubeletConfiguration() takes what kubeadm writes", () => {
  const zero = "0s";
  const { options, agent } = read({
    authentication: {
      anonymous: { enabled: false },
      webhook: { cacheTTL: zero, enabled: true },
      x509: { clientCAFile: "/etc/kubernetes/pki/ca.crt" },
    },
    authorization: { mode: "Webhook", webhook: { cacheAuthorizedTTL: zero, cacheUnauthorizedTTL: zero } },
    cgroupDriver: "systemd",
    clusterDNS: ["10.96.0.10"],
    clusterDomain: "cluster.local",
    containerRuntimeEndpoint: "unix:///var/run/containerd/containerd.sock",
    cpuManagerReconcilePeriod: zero,
    crashLoopBackOff: {},
    evictionPressureTransitionPeriod: zero,
    fileCheckFrequency: zero,
    healthzBindAddress: "127.0.0.1",
    healthzPort: 10_248,
    httpCheckFrequency: zero,
    imageMaximumGCAge: zero,
    imageMinimumGCAge: zero,
    logging: {
      flushFrequency: 0,
      options: { json: { infoBufferSize: "0" }, text: { infoBufferSize: "0" } },
      verbosity: 0,
    },
    memorySwap: {},
    nodeStatusReportFrequency: zero,
    nodeStatusUpdateFrequency: zero,
    resolvConf: "/run/systemd/resolve/resolv.conf",
    rotateCertificates: true,
    runtimeRequestTimeout: zero,
    shutdownGracePeriod: zero,
    shutdownGracePeriodCriticalPods: zero,
    staticPodPath: "/etc/kubernetes/manifests",
    streamingConnectionIdleTimeout: zero,
    syncFrequency: zero,
    volumeStatsAggPeriod: zero,
  });
  assert.deepEqual(options, {
    healthz: { host: "127.0.0.1", port: 10_248 },
    eviction: {},
    imageGC: {},
    shutdown: { gracePeriodSeconds: 0, gracePeriodCriticalPodsSeconds: 0 },
  });
  assert.deepEqual(agent, {
    clientCaFile: "/etc/kubernetes/pki/ca.crt",
    clusterDns: "10.96.0.10",
    clusterDomain: "cluster.local",
    containerRuntimeEndpoint: "/var/run/containerd/containerd.sock",
    podManifestPath: "/etc/kubernetes/manifests",
    resolvConf: "/run/systemd/resolve/resolv.conf",
  });
});

test("kubeletConfiguration() takes what kind writes", () => {
  const { options, agent } = read({
    cgroupDriver: "systemd",
    cgroupRoot: "/kubelet",
    failSwapOn: false,
    imageGCHighThresholdPercent: 100,
    evictionHard: { "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%" },
    featureGates: { KubeletInUserNamespace: false },
    serverTLSBootstrap: true,
  });
  assert.deepEqual(agent, { cgroupRoot: "/kubelet", rotateServerCertificates: true });
  assert.equal(options.failSwapOn, false);
  assert.equal(options.imageGC?.highThresholdPercent, 100);
});

test("kubeletConfiguration() reads what administrators set", () => {
  const { options } = read({
    allowedUnsafeSysctls: ["net.core.somaxconn", "kernel.msg*"],
    cpuCFSQuota: false,
    cpuCFSQuotaPeriod: "50ms",
    crashLoopBackOff: { maxContainerRestartPeriod: "30s" },
    enforceNodeAllocatable: ["pods"],
    eventRecordQPS: 5,
    eventBurst: 10,
    mergeDefaultEvictionSettings: true,
    evictionHard: { "memory.available": "1Gi" },
    nodeStatusUpdateFrequency: "30s",
    podsPerCore: 10,
    registryPullQPS: 10,
    registryBurst: 20,
    tlsCipherSuites: ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
    tlsMinVersion: "VersionTLS13",
    topologyManagerPolicy: "none",
    protectKernelDefaults: true,
    kubeAPIQPS: 20,
    reservedSystemCPUs: "0-1,3",
    kubeReserved: { cpu: "500m", memory: "1Gi" },
  });
  const { eviction, imageGC: _images, shutdown: _shutdown, ...rest } = options;
  assert.deepEqual(eviction, { mergeDefaults: true, hard: { "memory.available": "1Gi" } });
  assert.deepEqual(rest, {
    allowedUnsafeSysctls: ["net.core.somaxconn", "kernel.msg*"],
    cpuCFSQuota: false,
    cpuQuotaPeriodMs: 50,
    crashLoopBackOffMaxMs: 30_000,
    enforceNodeAllocatable: ["pods"],
    eventRecordQPS: 5,
    eventBurst: 10,
    nodeStatusUpdateMs: 30_000,
    nodeStatusReportMs: 30_000,
    podsPerCore: 10,
    registryPullQPS: 10,
    registryBurst: 20,
    tls: { ciphers: ["ECDHE-RSA-AES128-GCM-SHA256"], minVersion: "TLSv1.3" },
    protectKernelDefaults: true,
    kubeAPIQPS: 20,
    reservedSystemCPUs: "0-1,3",
    systemReserved: { cpu: "3" },
    kubeReserved: { memory: "1Gi" },
  });
});
