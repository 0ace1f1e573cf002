/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validatePersistentVolume = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validatePersistentVolumeUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
