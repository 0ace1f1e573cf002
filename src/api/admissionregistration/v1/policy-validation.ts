/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateMutatingAdmissionPolicy = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validatePolicyBinding = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateValidatingAdmissionPolicy = (..._: readonly unknown[]): readonly StatusCause[] => [];
