/**
 * Public surface of launcher: clusters on this machine. A command's code is loaded when the command is called:
 * `k8ts ip` must not pay for certificates, gRPC and the API's kinds.
 * @module
 */
import type * as Certs from "./commands/certs.ts";
import type * as RotateCa from "./commands/rotate-ca.ts";
import type * as Delete from "./commands/delete.ts";
import type * as Image from "./commands/image.ts";
import type * as Kubectl from "./commands/kubectl.ts";
import type * as Logs from "./commands/logs.ts";
import type * as Node from "./commands/node.ts";
import type * as ProfileCommand from "./commands/profile.ts";
import type * as Service from "./commands/service.ts";
import type * as Snapshot from "./commands/snapshot.ts";
import type * as Start from "./commands/start.ts";
import type * as Status from "./commands/status.ts";
import type * as Stop from "./commands/stop.ts";
import type * as Token from "./commands/token.ts";
import type * as Unpack from "./unpack-program.ts";

export type { ImageBuildFlags } from "./commands/image.ts";
export type { RotationStep } from "./commands/rotate-ca.ts";
export { renderCertificates } from "./commands/certs-table.ts";
export { renderTokens } from "./commands/token-table.ts";
export { renderProfiles } from "./commands/profile-table.ts";
export type { StartOptions } from "./commands/start.ts";
export { clusterRanges, IP_FAMILIES, type ClusterRanges, type IpFamilyChoice } from "./ip-family.ts";
export { renderStatus, statusExitCode } from "./commands/status-table.ts";
export {
  COMPONENT_PROCESSES,
  parseExtraOption,
  refusal as extraConfigRefusal,
  type ExtraOption,
} from "./extra-config.ts";
export type { LauncherContext } from "./launcher-context.ts";
export type { LauncherEnv } from "./paths.ts";
export { requireProfile } from "./profile.ts";
export { jsonProgress, textProgress } from "./progress.ts";
export { renderTable } from "./table.ts";
export { EXIT, UserError, explain } from "./user-error.ts";

export const start: typeof Start.start = async (...args) =>
  (await import("./commands/start.ts")).start(...args);
export const stop: typeof Stop.stop = async (...args) => (await import("./commands/stop.ts")).stop(...args);
export const deleteCluster: typeof Delete.deleteCluster = async (...args) =>
  (await import("./commands/delete.ts")).deleteCluster(...args);
export const status: typeof Status.status = async (...args) =>
  (await import("./commands/status.ts")).status(...args);
export const profileRows: typeof ProfileCommand.profileRows = async (...args) =>
  (await import("./commands/profile.ts")).profileRows(...args);
export const logs: typeof Logs.logs = async (...args) => (await import("./commands/logs.ts")).logs(...args);
export const addNode: typeof Node.addNode = async (...args) =>
  (await import("./commands/node.ts")).addNode(...args);
export const deleteNode: typeof Node.deleteNode = async (...args) =>
  (await import("./commands/node.ts")).deleteNode(...args);
export const startOneNode: typeof Node.startOneNode = async (...args) =>
  (await import("./commands/node.ts")).startOneNode(...args);
export const stopOneNode: typeof Node.stopOneNode = async (...args) =>
  (await import("./commands/node.ts")).stopOneNode(...args);
export const serviceUrls: typeof Service.serviceUrls = async (...args) =>
  (await import("./commands/service.ts")).serviceUrls(...args);
export const snapshotSave: typeof Snapshot.snapshotSave = async (...args) =>
  (await import("./commands/snapshot.ts")).snapshotSave(...args);
export const snapshotRestore: typeof Snapshot.snapshotRestore = async (...args) =>
  (await import("./commands/snapshot.ts")).snapshotRestore(...args);
export const snapshotStatus: typeof Snapshot.snapshotStatus = async (...args) =>
  (await import("./commands/snapshot.ts")).snapshotStatus(...args);
export const imageBuild: typeof Image.imageBuild = async (...args) =>
  (await import("./commands/image.ts")).imageBuild(...args);
export const imageLoad: typeof Image.imageLoad = async (...args) =>
  (await import("./commands/image.ts")).imageLoad(...args);
export const imageList: typeof Image.imageList = async (...args) =>
  (await import("./commands/image.ts")).imageList(...args);
export const imageRemove: typeof Image.imageRemove = async (...args) =>
  (await import("./commands/image.ts")).imageRemove(...args);
export const kubectl: typeof Kubectl.kubectl = async (...args) =>
  (await import("./commands/kubectl.ts")).kubectl(...args);
export const npmBinary: typeof Kubectl.npmBinary = async (...args) =>
  (await import("./commands/kubectl.ts")).npmBinary(...args);
export const unpackProgram: typeof Unpack.unpackProgram = async (...args) =>
  (await import("./unpack-program.ts")).unpackProgram(...args);
export const certsCheck: typeof Certs.certsCheck = async (...args) =>
  (await import("./commands/certs.ts")).certsCheck(...args);
export const certsRenew: typeof Certs.certsRenew = async (...args) =>
  (await import("./commands/certs.ts")).certsRenew(...args);
export const certsRotateCa: typeof RotateCa.certsRotateCa = async (...args) =>
  (await import("./commands/rotate-ca.ts")).certsRotateCa(...args);
export const tokenCreate: typeof Token.tokenCreate = async (...args) =>
  (await import("./commands/token.ts")).tokenCreate(...args);
export const tokenList: typeof Token.tokenList = async (...args) =>
  (await import("./commands/token.ts")).tokenList(...args);
export const tokenDelete: typeof Token.tokenDelete = async (...args) =>
  (await import("./commands/token.ts")).tokenDelete(...args);
