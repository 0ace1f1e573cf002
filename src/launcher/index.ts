/** Public surface of launcher: clusters on this machine. @module */
export { deleteCluster } from "./commands/delete.ts";
export { imageBuild, imageList, imageLoad, imageRemove, type ImageBuildFlags } from "./commands/image.ts";
export { kubectl, npmBinary } from "./commands/kubectl.ts";
export { logs } from "./commands/logs.ts";
export { addNode, deleteNode, setNodeRunning } from "./commands/node.ts";
export { profileRows, renderProfiles } from "./commands/profile.ts";
export { serviceUrls } from "./commands/service.ts";
export { start, type StartOptions } from "./commands/start.ts";
export { renderStatus, status, statusExitCode } from "./commands/status.ts";
export { stop } from "./commands/stop.ts";
export type { LauncherContext } from "./launcher-context.ts";
export type { LauncherEnv } from "./paths.ts";
export { requireProfile } from "./profile.ts";
export { jsonProgress, textProgress } from "./progress.ts";
export { renderTable } from "./table.ts";
export { EXIT, UserError, explain } from "./user-error.ts";
