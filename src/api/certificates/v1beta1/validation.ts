/** Rules for ClusterTrustBundles: who they are of, and that they hold certificate authorities and nothing else. @module */
import { field, isDns1123Subdomain } from "#apimachinery";
import { NONE, type Causes } from "../../validation/common.ts";
import { validateSignerName } from "../../validation/signer-name.ts";
import { parseCertificateDer } from "../der.ts";
import { pemBlocks, type PemBlock } from "../pem.ts";
import type { ClusterTrustBundle } from "./types.gen.ts";

const BUNDLE_BYTES_MAX = 1 << 20;
const PATH = "spec.trustBundle";

/** Anchors that an update leaves alone are not read again. */
export function validateClusterTrustBundle(
  { metadata, spec }: ClusterTrustBundle,
  old?: ClusterTrustBundle,
): Causes {
  const { signerName = "", trustBundle } = spec;
  return [
    ...field.invalidFor("metadata.name", metadata.name, bundleNameProblems(metadata.name, signerName)),
    ...(signerName === "" ? NONE : validateSignerName(signerName, "spec.signerName")),
    ...(old?.spec.trustBundle === trustBundle ? NONE : validateTrustBundle(trustBundle)),
  ];
}

export function validateClusterTrustBundleUpdate(
  bundle: ClusterTrustBundle,
  old: ClusterTrustBundle,
): Causes {
  const [signer, was] = [bundle.spec.signerName ?? "", old.spec.signerName ?? ""];
  return signer === was ? NONE : [field.invalid("spec.signerName", signer, "field is immutable")];
}

/** Bundles of a signer bear its name before their own. */
export function bundleNameProblems(name: string, signerName: string): readonly string[] {
  if (signerName === "") {
    return name.includes(":")
      ? ['ClusterTrustBundle without signer name must not have ":" in its name']
      : isDns1123Subdomain(name);
  }
  const prefix = `${signerName.replaceAll("/", ":")}:`;
  return name.startsWith(prefix)
    ? isDns1123Subdomain(name.slice(prefix.length))
    : [`ClusterTrustBundle for signerName ${signerName} must be named with prefix ${prefix}`];
}

function validateTrustBundle(bundle: string): Causes {
  if (bundle.length > BUNDLE_BYTES_MAX) return [field.tooLong(PATH, BUNDLE_BYTES_MAX)];
  const refuse = (why: string) => field.invalid(PATH, "<value omitted>", why);
  const blocks = pemBlocks(bundle);
  const problems = blocks
    .map((block, i) => problemOf(block, i))
    .filter((problem): problem is string => problem !== undefined);
  if (problems.length > 0) return problems.map(refuse);
  if (blocks.length === 0) return [refuse("at least one trust anchor must be provided")];
  const places = Map.groupBy(
    blocks.map(({ der }, i) => ({ anchor: der.toBase64(), i })),
    ({ anchor }) => anchor,
  );
  return [...places.values()]
    .filter((same) => same.length > 1)
    .map((same) => refuse(`duplicate trust anchor (indices [${same.map(({ i }) => i).join(" ")}])`));
}

function problemOf({ type, hasHeaders, der }: PemBlock, i: number): string | undefined {
  if (type !== "CERTIFICATE") return `entry ${i} has bad block type: ${type}`;
  if (hasHeaders) return `entry ${i} has PEM block headers`;
  const certificate = parseCertificateDer(der);
  if (certificate === undefined) return `entry ${i} does not parse as X.509`;
  return certificate.isCa === true ? undefined : `entry ${i} does not have the CA bit set`;
}
