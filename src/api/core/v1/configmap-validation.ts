/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateConfigMap = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateConfigMapUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
