/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateLocalSubjectAccessReview = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateSelfSubjectAccessReview = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateSelfSubjectRulesReview = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateSubjectAccessReview = (..._: readonly unknown[]): readonly StatusCause[] => [];
