/** Public surface of kubelet: the agent that runs the pods bound to one node. @module */
export type { KubeletOptions, KubeletServerOptions, Taint } from "./options.ts";
export type { EvictionConfig, SignalMap } from "./eviction/thresholds.ts";
export { parseThresholds } from "./eviction/thresholds.ts";
export {
  kubeletConfiguration,
  type FileOptions,
  type KubeletFile,
} from "./kubelet-config/kubelet-configuration.ts";
export { runKubelet } from "./kubelet.ts";
export { reviewAccess } from "./server/access-review.ts";
export { newAuthenticator, type User } from "./server/authenticate.ts";
export type { MachineInfo, NodePlatform, NodeUsage, PodCgroups, VolumeHost } from "./platform/platform.ts";
export { linuxPlatform, type LinuxPlatformOptions } from "./platform/linux.ts";
export { simulatedPlatform, type SimulatedPlatformOptions } from "./platform/simulated.ts";
export { bootstrapClientCertificate } from "./certificates/bootstrap.ts";
export { CertificateMetrics } from "./certificates/certificate-metrics.ts";
export { CertificateStore } from "./certificates/certificate-store.ts";
export {
  keepClientCertificate,
  keepComponentCertificate,
  keepServingCertificate,
} from "./certificates/kubelet-certificates.ts";
