/** The stable version of a kind that differs from its beta version in nothing that rules ask for. @module */
import type { Kind, KubeObject } from "#apimachinery";

/** Without rules of its own: what is sent in this version is judged as it will be stored. */
export function stableVersionOf<T extends KubeObject>(beta: object): Kind<T> {
  const {
    servedByDefault: _served,
    deprecated: _deprecated,
    validate: _validate,
    validateCreate: _validateCreate,
    validateUpdate: _validateUpdate,
    validateStatusUpdate: _validateStatusUpdate,
    strategy: _strategy,
    ...kind
  } = beta as Kind<T> & { readonly servedByDefault: false };
  return { ...kind, version: "v1" };
}
