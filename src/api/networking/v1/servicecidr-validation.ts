/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateServiceCIDR = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateServiceCIDRUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
