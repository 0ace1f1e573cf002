/** When a certificate is renewed: the rule alone, for those who do not load the library for certificates. @module */

/** Part of its life that a certificate has left when it is renewed. */
const RENEW_AT = 1 / 3;

/** Times in ms since 1970. */
export function isRenewalDue(
  { notBefore, notAfter }: { readonly notBefore: number; readonly notAfter: number },
  nowMs: number,
): boolean {
  return notAfter - nowMs < (notAfter - notBefore) * RENEW_AT;
}
