/** Whose pods are whose: two autoscalers of the same pods would work against each other. @module */
import type { KubeObject, ObjectKey } from "#apimachinery";
import { compareStrings, labels } from "#apimachinery";

type Parsed = ReturnType<typeof labels.parse>;

/** Selectors of the autoscalers' targets, as they were read last. Bounded by the autoscalers. */
export class TargetSelectors {
  readonly #selectors = new Map<ObjectKey, Parsed>();

  put(key: ObjectKey, selector: Parsed): void {
    this.#selectors.set(key, selector);
  }

  forget(key: ObjectKey): void {
    this.#selectors.delete(key);
  }

  /** Autoscalers of the namespace that select one of the pods. */
  selecting(namespace: string, pods: readonly KubeObject[]): readonly ObjectKey[] {
    return [...this.#selectors]
      .filter(
        ([key, selector]) =>
          key.startsWith(`${namespace}/`) &&
          pods.some(({ metadata }) => labels.matches(selector, metadata.labels)),
      )
      .map(([key]) => key)
      .toSorted(compareStrings);
  }
}

/** As upstream prints it. */
export function ambiguity(selector: string, keys: readonly ObjectKey[]): string {
  const list = keys.map((key) => {
    const [namespace, name] = key.split("/");
    return `{${name} ${namespace}}`;
  });
  return `pods by selector ${selector} are controlled by multiple HPAs: [${list.join(" ")}]`;
}
