/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateCSIDriver = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateCSIDriverUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateCSINode = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateCSIStorageCapacity = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateCSIStorageCapacityUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateStorageClass = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateStorageClassUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateVolumeAttachment = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateVolumeAttachmentUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateVolumeAttributesClass = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateVolumeAttributesClassUpdate = (..._: readonly unknown[]): readonly StatusCause[] => [];
