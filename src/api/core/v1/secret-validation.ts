/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateSecret = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateSecretUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
