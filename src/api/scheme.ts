/** Finds kinds by what requests name them by, and moves objects between versions. @module */
import { apiVersionOf, StatusError, type GroupVersionKind, type Kind, type KubeObject } from "#apimachinery";
import { builtinKinds } from "./builtin-kinds.ts";
import { conversions, type Conversion } from "./conversions.ts";
import { applyConstantDefaults } from "./defaulting.ts";
import { graduatedKinds } from "./graduated-kinds.ts";
import { compareVersions } from "./version-priority.ts";

export interface Scheme {
  readonly kinds: readonly Kind[];
  /** In the order of discovery; "" (the core group) first. */
  readonly groups: readonly string[];
  byGvk(gvk: GroupVersionKind): Kind | undefined;
  /** The kind that an object says it is. */
  kindOf(object: { readonly apiVersion: string; readonly kind: string }): Kind | undefined;
  byResource(group: string, version: string, plural: string): Kind | undefined;
  /** Served versions of a group, the preferred one first. */
  versionsOf(group: string): readonly string[];
  preferredVersionOf(group: string): string | undefined;
  /** The kind in whose form objects of `kind` are stored: itself, unless it is a view of another version, which need not be served. */
  storedAs(kind: Kind): Kind;
  /** Throws InternalError when the two are no versions of one object. Returns the same object if nothing is to be done. */
  convert(object: KubeObject, to: Kind): KubeObject;
  /** Constant defaults from the facts, then those of the kind. Objects of unknown kinds come back as they are. */
  applyDefaults<T extends KubeObject>(object: T): T;
}

/** `kinds` in the order of discovery. */
export function newScheme(kinds: readonly Kind[]): Scheme {
  const byGvk = new Map(kinds.map((kind) => [gvkKey(kind), kind]));
  const byResource = new Map(
    kinds.map((kind) => [`${kind.group}/${kind.version}/${kind.names.plural}`, kind]),
  );
  const byApiVersion = new Map(kinds.map((kind) => [`${apiVersionOf(kind)}/${kind.kind}`, kind]));
  const groups = [...new Set(kinds.map((kind) => kind.group))];
  const versions = new Map(
    groups.map((group) => {
      const own = kinds.filter((kind) => kind.group === group).map((kind) => kind.version);
      return [group, [...new Set(own)].toSorted(compareVersions)] as const;
    }),
  );
  const kindOf: Scheme["kindOf"] = ({ apiVersion, kind }) => byApiVersion.get(`${apiVersion}/${kind}`);
  return {
    kinds,
    groups,
    byGvk: (gvk) => byGvk.get(gvkKey(gvk)),
    kindOf,
    byResource: (group, version, plural) => byResource.get(`${group}/${version}/${plural}`),
    versionsOf: (group) => versions.get(group) ?? [],
    preferredVersionOf: (group) => versions.get(group)?.[0],
    storedAs: (kind) => {
      const stored = byServed.get(gvkKey(kind))?.stored;
      return (stored && (byGvk.get(gvkKey(stored)) ?? unserved.get(gvkKey(stored)))) ?? kind;
    },
    convert: (object, to) => convert(object, to),
    applyDefaults: (object) => {
      const defaults = kindOf(object)?.defaults;
      const withConstants = applyConstantDefaults(object);
      return defaults === undefined ? withConstants : (defaults(withConstants) as typeof object);
    },
  };
}

/** The stable kinds, which are served unless configured otherwise. */
export const scheme: Scheme = newScheme(builtinKinds);

const unserved: ReadonlyMap<string, Kind> = new Map(graduatedKinds.map((kind) => [gvkKey(kind), kind]));
const byServed: ReadonlyMap<string, Conversion> = new Map(conversions.map((c) => [gvkKey(c.served), c]));

function gvkKey({ group, version, kind }: GroupVersionKind): string {
  return `${group}/${version}/${kind}`;
}

function convert(object: KubeObject, to: Kind): KubeObject {
  const target = apiVersionOf(to);
  if (object.apiVersion === target) return object;
  const from = `${object.apiVersion.includes("/") ? "" : "/"}${object.apiVersion}/${object.kind}`;
  const up = byServed.get(from);
  const stored = up === undefined ? object : up.toStored(object);
  if (stored.apiVersion === target) return stored;
  const down = byServed.get(gvkKey(to));
  if (down === undefined || apiVersionOf(down.stored) !== stored.apiVersion || to.kind !== object.kind) {
    throw new StatusError(
      "InternalError",
      `${object.apiVersion} ${object.kind} cannot be converted to ${target}`,
    );
  }
  return down.fromStored(stored);
}
