/** What the expressions about one request share: its objects in each version, its authorizer. @module */
import type { KubeObject } from "#apimachinery";
import type { AskAuthorizer } from "#apimachinery/cel";
import type { ServedResource } from "../../registry/served-resource.ts";
import type { Authorizer } from "../../user-info.ts";
import type { Attributes } from "../plugin.ts";
import { inVersion } from "../webhook/in-version.ts";
import { requestOf } from "../webhook/review.ts";
import { askAuthorizer } from "./authorizer.ts";
import type { EvaluationInput } from "./evaluation.ts";

export class PolicyRequest {
  readonly attributes: Attributes;
  readonly #ask: AskAuthorizer;

  constructor(attributes: Attributes, authorizer: Authorizer) {
    this.attributes = attributes;
    this.#ask = askAuthorizer(authorizer, attributes.user);
  }

  /** `object` as it is stored, or as it is shown already. */
  input(
    served: ServedResource,
    object: KubeObject | undefined,
    params: KubeObject | undefined,
    namespace: KubeObject | undefined,
  ): EvaluationInput {
    const { attributes } = this;
    const shown = inVersion(served, object, attributes);
    const oldObject = inVersion(served, attributes.oldObject, attributes);
    return {
      object: shown,
      oldObject,
      request: () =>
        shownRequest(requestOf({ uid: "", kind: served.kind, object: shown, oldObject, attributes })),
      params,
      namespace,
      ask: this.#ask,
      attributes,
    };
  }
}

/** The objects are variables of their own. */
function shownRequest(request: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { uid: _uid, object: _object, oldObject: _oldObject, ...seen } = request;
  return seen;
}
