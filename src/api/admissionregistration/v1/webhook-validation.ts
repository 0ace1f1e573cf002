/** Placeholder. @module */
import type { StatusCause } from "#apimachinery";
export const validateMutatingWebhookConfiguration = (..._: readonly unknown[]): readonly StatusCause[] => [];
export const validateValidatingWebhookConfiguration = (
  ..._: readonly unknown[]
): readonly StatusCause[] => [];
