/** ClusterTrustBundles in projected volumes: one by its name, or some of a signer. @module */
import { field, validateLabelSelector } from "#apimachinery";
import { bundleNameProblems } from "../certificates/v1beta1/validation.ts";
import type { ClusterTrustBundleProjection } from "../core/v1/types.gen.ts";
import { all, NONE, type Causes } from "./common.ts";
import { validateLocalPath } from "./paths.ts";
import { validateSignerName } from "./signer-name.ts";

export function validateTrustBundleProjection(source: ClusterTrustBundleProjection, at: string): Causes {
  const { path } = source;
  return all(
    validateChoice(source, at),
    path === "" ? [field.required(field.child(at, "path"))] : NONE,
    validateLocalPath(path, field.child(at, "path")),
  );
}

function validateChoice(source: ClusterTrustBundleProjection, at: string): Causes {
  const { name, signerName, labelSelector } = source;
  if (name !== undefined && signerName !== undefined)
    return [field.invalid(at, source, "only one of name and signerName may be used")];
  if (name !== undefined) {
    const selectorAt = field.child(at, "labelSelector");
    const alone = "labelSelector must be unset if name is specified";
    return all(
      validateName(name, field.child(at, "name")),
      labelSelector === undefined ? NONE : [field.invalid(selectorAt, labelSelector, alone)],
    );
  }
  if (signerName === undefined) return [field.required(at, "either name or signerName must be specified")];
  const signerAt = field.child(at, "signerName");
  return all(
    signerName === "" ? [field.required(signerAt, "must be a valid signer name")] : NONE,
    validateSignerName(signerName, signerAt),
    labelSelector === undefined
      ? NONE
      : validateLabelSelector(labelSelector, field.child(at, "labelSelector")),
  );
}

function validateName(name: string, at: string): Causes {
  return all(
    name === "" ? [field.required(at, "must be a valid object name")] : NONE,
    bundleNameProblems(name, signerOf(name)).map((why) =>
      field.invalid(at, name, `not a valid clustertrustbundlename: ${why}`),
    ),
  );
}

/** `example.com:signer:name` is of `example.com/signer`. */
function signerOf(name: string): string {
  return name.slice(0, Math.max(name.lastIndexOf(":"), 0)).replaceAll(":", "/");
}
