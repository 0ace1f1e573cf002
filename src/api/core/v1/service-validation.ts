/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateService = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateServiceUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
