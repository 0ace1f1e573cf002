/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validatePersistentVolumeClaim = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validatePersistentVolumeClaimUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
