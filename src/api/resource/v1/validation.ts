/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateResourceClaim = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateResourceClaimTemplate = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateResourceClaimTemplateUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateResourceClaimUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateResourceSlice = (..._: readonly unknown[]): readonly StatusCause[] => [];
