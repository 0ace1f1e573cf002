/** PEM texts of certificates: bundles and their blocks. @module */

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g;

/** Every certificate of a bundle, in order, each with a newline at its end. */
export function certificateBlocks(pem: string): readonly string[] {
  return (pem.match(CERTIFICATE) ?? []).map((block) => `${block}\n`);
}
