/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateNamespace = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateNamespaceStatusUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
