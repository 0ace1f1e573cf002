/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateIngressClass = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateIngressClassUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
