/** What a policy notes in the audit event of a request. @module */
import type { ValidatingAdmissionPolicyBinding } from "#api/admissionregistration/v1/types.gen";
import type { Attributes } from "../plugin.ts";

/** Of one value; upstream's maxAuditAnnotationValueLength. */
const VALUE_BYTES_MAX = 10 * 1024;
const FAILURE_KEY = "validation.policy.admission.k8s.io/validation_failure";

export class AuditNotes {
  readonly #policyName: string;
  readonly #attributes: Attributes;
  readonly #values = new Map<string, Set<string>>();

  constructor(policyName: string, attributes: Attributes) {
    this.#policyName = policyName;
    this.#attributes = attributes;
  }

  /** Several bindings may say something different under one key. */
  add(key: string, value: string): void {
    const values = this.#values.get(key) ?? new Set();
    values.add(Buffer.from(value).subarray(0, VALUE_BYTES_MAX).toString());
    this.#values.set(key, values);
  }

  /** A validation that failed, for the action Audit. */
  failure(
    { metadata, spec }: ValidatingAdmissionPolicyBinding,
    expressionIndex: number,
    message: string,
  ): void {
    const { policyName: policy, validationActions } = spec;
    const value = [{ message, policy, binding: metadata.name, expressionIndex, validationActions }];
    this.#attributes.addAuditAnnotation(FAILURE_KEY, goJson(value));
  }

  publish(): void {
    for (const [key, values] of this.#values) {
      this.#attributes.addAuditAnnotation(`${this.#policyName}/${key}`, [...values].join(", "));
    }
  }
}

/** Go's encoder escapes what HTML would read. */
function goJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
