/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateFlowSchema = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validatePriorityLevelConfiguration = (..._: readonly unknown[]): readonly StatusCause[] => [];
