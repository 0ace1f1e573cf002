/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateResourceQuota = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateResourceQuotaUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
