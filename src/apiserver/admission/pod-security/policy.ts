/** Which level of Pod Security holds in a namespace: its labels, read. Pure. @module */
import { field, type StatusCause } from "#apimachinery";

export type Level = "privileged" | "baseline" | "restricted";

export interface LevelVersion {
  readonly level: Level;
  /** Minor version; infinity is `latest`. */
  readonly minor: number;
}

export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

const PREFIX = "pod-security.kubernetes.io/";
const LEVELS: readonly Level[] = ["privileged", "baseline", "restricted"];
const VERSION = /^v1\.(0|[1-9]\d*)$/;
const MODES = ["enforce", "audit", "warn"] as const;
const LATEST = Number.POSITIVE_INFINITY;
const DEFAULT: LevelVersion = { level: "privileged", minor: LATEST };

export interface ReadPolicy {
  readonly policy: Policy;
  readonly causes: readonly StatusCause[];
}

/** A policy is there in any case: what cannot be read is the strictest to enforce, and nothing to warn of. */
export function readPolicy(labels: Readonly<Record<string, string>> = {}): ReadPolicy {
  const causes: StatusCause[] = [];
  const read = { enforce: DEFAULT, audit: DEFAULT, warn: DEFAULT };
  for (const mode of MODES) read[mode] = readMode(mode, labels, causes);
  const given = labels[`${PREFIX}enforce`];
  const isEnforced = given !== undefined && isLevel(given);
  if (
    labels[`${PREFIX}warn`] === undefined &&
    isEnforced &&
    strictness(given) > strictness(read.warn.level)
  ) {
    const hasVersion = labels[`${PREFIX}warn-version`] !== undefined;
    read.warn = { level: given, minor: hasVersion ? read.warn.minor : read.enforce.minor };
  }
  return { policy: read, causes };
}

function readMode(
  mode: (typeof MODES)[number],
  labels: Readonly<Record<string, string>>,
  causes: StatusCause[],
): LevelVersion {
  const level = labels[PREFIX + mode] ?? DEFAULT.level;
  const version = labels[`${PREFIX}${mode}-version`] ?? "latest";
  const refuse = (label: string, value: string, why: string): void => {
    causes.push(field.invalid(`metadata.labels[${label}]`, value, why));
  };
  if (!isLevel(level)) refuse(PREFIX + mode, level, `must be one of ${LEVELS.join(", ")}`);
  const minor = version === "latest" ? LATEST : VERSION.exec(version)?.[1];
  if (minor === undefined) refuse(`${PREFIX}${mode}-version`, version, 'must be "latest" or "v1.x"');
  return {
    level: isLevel(level) ? level : mode === "enforce" ? "restricted" : "privileged",
    minor: Number(minor ?? LATEST),
  };
}

function isLevel(text: string): text is Level {
  return (LEVELS as readonly string[]).includes(text);
}

export function strictness(level: Level): number {
  return LEVELS.indexOf(level);
}

/** `baseline:latest`, `restricted:v1.25`. */
export function formatLevel({ level, minor }: LevelVersion): string {
  return `${level}:${minor === LATEST ? "latest" : `v1.${minor}`}`;
}

export function isSameLevel(a: LevelVersion, b: LevelVersion): boolean {
  return a.level === b.level && a.minor === b.minor;
}

export function isFullyPrivileged({ enforce, audit, warn }: Policy): boolean {
  return [enforce, audit, warn].every(({ level }) => level === "privileged");
}
