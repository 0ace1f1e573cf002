/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateIPAddress = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateIPAddressUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
