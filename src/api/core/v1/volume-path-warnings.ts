/** Files of one volume that lie on top of each other. @module */
import { quote } from "#apimachinery";
import type { Volume, VolumeProjection } from "./types.gen.ts";

interface PlacedFile {
  readonly path: string;
  /** Where it comes from, in projected volumes. */
  readonly source: string;
}

interface Item {
  readonly path: string;
}

export function warningsForVolumePaths(volumes: readonly Volume[]): readonly string[] {
  return volumes.flatMap(warningsForVolume);
}

const NONE: readonly string[] = [];

/** A volume has one source. */
function warningsForVolume(volume: Volume): readonly string[] {
  const { name, configMap, secret, downwardAPI, projected } = volume;
  if (configMap?.items !== undefined)
    return overlaps(name, `ConfigMap ${quote(configMap.name ?? "")}`, placed(configMap.items));
  if (secret?.items !== undefined)
    return overlaps(name, `Secret ${quote(secret.secretName ?? "")}`, placed(secret.items));
  if (downwardAPI?.items !== undefined) return overlaps(name, "DownwardAPI", placed(downwardAPI.items));
  if (projected === undefined) return NONE;
  const { sources = [] } = projected;
  return [
    ...sources
      .filter((source) => Object.keys(source).length === 0)
      .map(() => `volume ${quote(name)} (Projected) has no sources provided`),
    ...overlaps(name, "Projected", sources.flatMap(filesOf)),
  ];
}

const placed = (items: readonly Item[] = [], source = ""): readonly PlacedFile[] =>
  items.map(({ path }) => ({ path, source }));

function filesOf(source: VolumeProjection): readonly PlacedFile[] {
  const { configMap, secret, downwardAPI, serviceAccountToken: token } = source;
  if (configMap?.items !== undefined)
    return placed(configMap.items, `ConfigMap ${quote(configMap.name ?? "")}`);
  if (secret?.items !== undefined) return placed(secret.items, `Secret ${quote(secret.name ?? "")}`);
  if (downwardAPI?.items !== undefined) return placed(downwardAPI.items, "DownwardAPI");
  return token === undefined ? [] : placed([token], "ServiceAccountToken");
}

function overlaps(volume: string, what: string, files: readonly PlacedFile[]): readonly string[] {
  if (files.length < 2) return NONE;
  const seen: PlacedFile[] = [];
  return files.flatMap((file) => {
    const own = { ...file, path: file.path.replace(/\/+$/, "") };
    const found = own.path === "" ? [] : seen.filter((other) => other.path !== "" && isWithin(own, other));
    seen.push(own);
    return found.map(
      (other) => `volume ${quote(volume)} (${what}): overlapping paths: ${show(own)} with ${show(other)}`,
    );
  });
}

function isWithin(a: PlacedFile, b: PlacedFile): boolean {
  return `${a.path}/`.startsWith(`${b.path}/`) || `${b.path}/`.startsWith(`${a.path}/`);
}

const show = ({ path, source }: PlacedFile): string =>
  source === "" ? quote(path) : `${quote(path)} (${source})`;
