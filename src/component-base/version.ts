/** Which Kubernetes this is; the answer of `/version` and the `gitVersion` of nodes. @module */

/** The Kubernetes whose API and behaviour are spoken. */
export const KUBERNETES_VERSION = "v1.36.0";
export const GIT_VERSION: string = `${KUBERNETES_VERSION}+k8ts`;

/** `version.Info` of apimachinery. */
export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  readonly emulationMajor: string;
  readonly emulationMinor: string;
  readonly minCompatibilityMajor: string;
  readonly minCompatibilityMinor: string;
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

export interface BuildInfo {
  readonly gitCommit?: string;
  /** RFC 3339. */
  readonly buildDate?: string;
  /** Default: this process. */
  readonly platform?: NodeJS.Platform;
  readonly arch?: string;
}

export function versionInfo(build: BuildInfo = {}): VersionInfo {
  const [major, minor] = KUBERNETES_VERSION.slice(1).split(".") as [string, string];
  return {
    major,
    minor,
    emulationMajor: major,
    emulationMinor: minor,
    minCompatibilityMajor: major,
    minCompatibilityMinor: String(Number(minor) - 1),
    gitVersion: GIT_VERSION,
    gitCommit: build.gitCommit ?? "",
    gitTreeState: build.gitCommit === undefined ? "" : "clean",
    buildDate: build.buildDate ?? "1970-01-01T00:00:00Z",
    goVersion: `node${process.version.slice(1)}`,
    compiler: "v8",
    platform: platformOf(build.platform ?? process.platform, build.arch ?? process.arch),
  };
}

/** Go's names for Node's: `linux/amd64`, the values of the well-known node labels. */
export function platformOf(platform: string, arch: string): string {
  return `${goOs(platform)}/${goArch(arch)}`;
}

export function goArch(arch: string): string {
  const names: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };
  return names[arch] ?? arch;
}

export function goOs(platform: string): string {
  return platform === "win32" ? "windows" : platform;
}
