/** `--runtime-config`: which beta versions of the API are served besides the stable ones. @module */
import { apiVersionOf } from "#apimachinery";
import type { ApiServerOptions } from "#apiserver";
import { betaKinds, builtinKinds } from "#api";
import { bool } from "../flag-values.ts";

export interface RuntimeConfigFlags {
  /** `storagemigration.k8s.io/v1beta1=true,…`. */
  readonly runtimeConfig?: string;
}

/** Throws on what is no version that is off by default. */
export function servedKinds({ runtimeConfig }: RuntimeConfigFlags): Pick<ApiServerOptions, "kinds"> {
  const wanted = enabledVersions(runtimeConfig ?? "");
  if (wanted.length === 0) return {};
  const beta = betaKinds();
  const unknown = wanted.find((version) => !beta.some((kind) => apiVersionOf(kind) === version));
  if (unknown !== undefined) throw new Error(`--runtime-config: unknown api groups ${unknown}`);
  return { kinds: [...builtinKinds, ...beta.filter((kind) => wanted.includes(apiVersionOf(kind)))] };
}

function enabledVersions(text: string): readonly string[] {
  return text
    .split(",")
    .filter((pair) => pair !== "")
    .map((pair) => pair.split("="))
    .filter(([, value]) => value === undefined || value === "" || bool(value))
    .map(([version = ""]) => version);
}
