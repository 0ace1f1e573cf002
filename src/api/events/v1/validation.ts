/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateEvent = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateEventUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
