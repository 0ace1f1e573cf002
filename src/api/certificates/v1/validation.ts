/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateCertificateSigningRequest = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateCertificateSigningRequestUpdate = (
  ..._: readonly unknown[]
): readonly StatusCause[] => [];
