/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateBindingUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateClusterRoleBinding = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateRoleBinding = (..._: readonly unknown[]): readonly StatusCause[] => [];
