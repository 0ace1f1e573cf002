/** ValidatingAdmissionPolicy: rules of the cluster's own in CEL, on the final object; the first denial counts. @module */
import { StatusError, type KubeObject, type StatusReason } from "#apimachinery";
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from "#api/admissionregistration/v1/types.gen";
import type { ServedResource } from "../../registry/served-resource.ts";
import type { AdmissionPlugin, Attributes } from "../plugin.ts";
import { refuse } from "../refuse.ts";
import { isExempt } from "../webhook/invocation.ts";
import { AuditNotes } from "./audit-notes.ts";
import { settled } from "./authorizer.ts";
import { bindingMatches } from "./binding.ts";
import { matchedVersion } from "./match-resources.ts";
import { collectParams, ConfigurationError, paramResource } from "./params.ts";
import { namespaceOf, type PolicyFacts } from "./policy-facts.ts";
import { PolicyRequest } from "./policy-request.ts";
import { policySource, type Hook } from "./policy-source.ts";
import { compileValidatingPolicy, validate, type ValidatingPolicy, type Verdict } from "./validator.ts";

const GROUP = "admissionregistration.k8s.io";

type Policy = ValidatingAdmissionPolicy;
type Binding = ValidatingAdmissionPolicyBinding;
type ValidatingHook = Hook<Policy, Binding, ValidatingPolicy>;

interface Denied {
  readonly policy: Policy;
  readonly binding: Binding | undefined;
  readonly message: string;
  readonly reason: string | undefined;
}

export function validatingAdmissionPolicy(facts: PolicyFacts): AdmissionPlugin {
  const hooks = policySource<Policy, Binding, ValidatingPolicy>({
    lookup: facts.lookup,
    policies: `${GROUP}/validatingadmissionpolicies`,
    bindings: `${GROUP}/validatingadmissionpolicybindings`,
    compile: compileValidatingPolicy,
  });
  return {
    name: "ValidatingAdmissionPolicy",
    operations: ["CREATE", "UPDATE", "DELETE", "CONNECT"],
    validate(attributes) {
      if (isExempt(attributes)) return undefined;
      const all = hooks();
      return all.length === 0 ? undefined : judge(all, attributes, facts);
    },
  };
}

async function judge(
  hooks: readonly ValidatingHook[],
  attributes: Attributes,
  facts: PolicyFacts,
): Promise<void> {
  const request = new PolicyRequest(attributes, facts.authorizer);
  const denied: Denied[] = [];
  for (const hook of hooks) {
    const notes = new AuditNotes(hook.policy.metadata.name, attributes);
    for (const denial of await judgePolicy(hook, request, facts, notes)) denied.push(denial);
    notes.publish();
  }
  const [first] = denied;
  if (first !== undefined) throw refusal(first, attributes);
}

/** A fault of the policy itself is a denial, unless its failure policy says otherwise. */
function misconfigured(
  { policy, compiled }: ValidatingHook,
  binding: Binding | undefined,
  err: unknown,
): readonly Denied[] {
  if (!(err instanceof ConfigurationError || err instanceof StatusError)) throw err;
  if (compiled.failurePolicy === "Ignore") return [];
  const what = binding === undefined ? "policy" : "binding";
  return [{ policy, binding, message: `failed to configure ${what}: ${err.message}`, reason: undefined }];
}

async function judgePolicy(
  hook: ValidatingHook,
  request: PolicyRequest,
  facts: PolicyFacts,
  notes: AuditNotes,
): Promise<readonly Denied[]> {
  const { policy, compiled, bindings } = hook;
  const { attributes } = request;
  let served: ServedResource | undefined;
  let paramsOf: ServedResource | undefined;
  try {
    served = await matchedVersion(compiled.matcher, attributes.object, attributes, facts);
    if (served === undefined) return [];
    paramsOf = paramResource(policy.spec?.paramKind, facts);
  } catch (err) {
    return misconfigured(hook, undefined, err);
  }
  const denied: Denied[] = [];
  for (const binding of bindings) {
    let params: readonly (KubeObject | undefined)[];
    try {
      if (!(await bindingMatches(binding, attributes.object, attributes, facts))) continue;
      params = collectParams(paramsOf, binding.spec.paramRef, attributes.namespace, facts);
    } catch (err) {
      denied.push(...misconfigured(hook, binding, err));
      continue;
    }
    const namespace = params.length === 0 ? undefined : await namespaceOf(attributes, facts);
    for (const param of params) {
      const input = request.input(served, attributes.object, param, namespace);
      const verdict = await settled(() => validate(compiled, input));
      denied.push(...enforce(hook, binding, verdict, attributes, notes));
    }
  }
  return denied;
}

/** Does what the binding wants done with what was found. */
function enforce(
  { policy }: ValidatingHook,
  binding: Binding,
  { denials, annotations }: Verdict,
  attributes: Attributes,
  notes: AuditNotes,
): readonly Denied[] {
  const denied: Denied[] = [];
  const { validationActions } = binding.spec;
  const [policyName, bindingName] = [policy.metadata.name, binding.metadata.name];
  for (const { message, reason, index } of denials) {
    for (const action of validationActions) {
      if (action === "Deny") denied.push({ policy, binding, message, reason });
      else if (action === "Warn") {
        attributes.warn(
          `Validation failed for ValidatingAdmissionPolicy '${policyName}' with binding '${bindingName}': ${message}`,
        );
      } else if (action === "Audit") notes.failure(binding, index, message);
    }
  }
  for (const annotation of annotations) {
    if ("value" in annotation) notes.add(annotation.key, annotation.value);
    else denied.push({ policy, binding, message: annotation.error, reason: undefined });
  }
  return denied;
}

const CODES: Readonly<Record<string, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  RequestEntityTooLarge: 413,
  Invalid: 422,
};

function refusal(
  { policy, binding, message, reason = "Invalid" }: Denied,
  attributes: Attributes,
): StatusError {
  const by = binding === undefined ? "" : ` with binding '${binding.metadata.name}'`;
  const why = `ValidatingAdmissionPolicy '${policy.metadata.name}'${by} denied request: ${message}`;
  const plain = refuse(attributes, why);
  return new StatusError(reason as StatusReason, plain.message, {
    code: CODES[reason] ?? 422,
    details: { ...plain.details, causes: [...(plain.details?.causes ?? []), { field: "", message: why }] },
  });
}
