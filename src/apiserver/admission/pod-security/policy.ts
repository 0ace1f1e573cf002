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
type Mode = (typeof MODES)[number];
const LATEST = Number.POSITIVE_INFINITY;
const DEFAULT: LevelVersion = { level: "privileged", minor: LATEST };

export interface ReadPolicy {
  readonly policy: Policy;
  readonly causes: readonly StatusCause[];
}

/** What holds in namespaces without labels. */
export const PRIVILEGED: Policy = { enforce: DEFAULT, audit: DEFAULT, warn: DEFAULT };

/** A policy is there in any case: what cannot be read is the strictest to enforce, and nothing to warn of. */
export function readPolicy(
  labels: Readonly<Record<string, string>> = {},
  defaults: Policy = PRIVILEGED,
): ReadPolicy {
  const causes: StatusCause[] = [];
  const read = { ...defaults };
  for (const mode of MODES) read[mode] = readMode(mode, labels, defaults[mode], causes);
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
  mode: Mode,
  labels: Readonly<Record<string, string>>,
  fallback: LevelVersion,
  causes: StatusCause[],
): LevelVersion {
  const level = labels[PREFIX + mode];
  const version = labels[`${PREFIX}${mode}-version`];
  const parsed = parseMode(mode, level ?? fallback.level, version ?? shownVersion(fallback));
  const { levelProblem, versionProblem } = parsed;
  const refuse = (label: string, value: unknown, why: string | undefined): void => {
    if (why !== undefined) causes.push(field.invalid(`metadata.labels[${label}]`, value, why));
  };
  refuse(PREFIX + mode, level, levelProblem);
  refuse(`${PREFIX}${mode}-version`, version, versionProblem);
  return parsed.level;
}

export interface ParsedMode {
  readonly level: LevelVersion;
  readonly levelProblem?: string;
  readonly versionProblem?: string;
}

export function parseMode(mode: Mode, level: string, version: string): ParsedMode {
  const minor = version === "latest" ? LATEST : VERSION.exec(version)?.[1];
  return {
    level: {
      level: isLevel(level) ? level : mode === "enforce" ? "restricted" : "privileged",
      minor: Number(minor ?? LATEST),
    },
    ...(!isLevel(level) && { levelProblem: `must be one of ${LEVELS.join(", ")}` }),
    ...(minor === undefined && { versionProblem: 'must be "latest" or "v1.x"' }),
  };
}

function isLevel(text: string): text is Level {
  return (LEVELS as readonly string[]).includes(text);
}

export function strictness(level: Level): number {
  return LEVELS.indexOf(level);
}

/** `baseline:latest`, `restricted:v1.25`. */
export function formatLevel(version: LevelVersion): string {
  return `${version.level}:${shownVersion(version)}`;
}

export function shownVersion({ minor }: LevelVersion): string {
  return minor === LATEST ? "latest" : `v1.${minor}`;
}

export function isSameLevel(a: LevelVersion, b: LevelVersion): boolean {
  return a.level === b.level && a.minor === b.minor;
}

export function isFullyPrivileged({ enforce, audit, warn }: Policy): boolean {
  return [enforce, audit, warn].every(({ level }) => level === "privileged");
}
