/** MutatingAdmissionPolicy: changes of the cluster's own in CEL, one after the other, each of which sees those before it. @module */
import { jsonEqual, StatusError, type KubeObject } from "#apimachinery";
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
} from "#api/admissionregistration/v1/types.gen";
import type { ServedResource } from "../../registry/served-resource.ts";
import type { AdmissionPlugin, Attributes, Reinvocation } from "../plugin.ts";
import { refuse } from "../refuse.ts";
import { requireAgain, roundsOf, type Rounds } from "../rounds.ts";
import { isExempt } from "../webhook/invocation.ts";
import { settled } from "./authorizer.ts";
import { bindingMatches } from "./binding.ts";
import { OutOfBudget } from "./evaluation.ts";
import { matchedVersion } from "./match-resources.ts";
import { compileMutatingPolicy, mutate, MutationError, type MutatingPolicy } from "./mutator.ts";
import { collectParams, ConfigurationError, paramResource } from "./params.ts";
import { namespaceOf, type PolicyFacts } from "./policy-facts.ts";
import { PolicyRequest } from "./policy-request.ts";
import { policySource, type Hook } from "./policy-source.ts";

const NAME = "MutatingAdmissionPolicy";
const GROUP = "admissionregistration.k8s.io";

type Policy = MutatingAdmissionPolicy;
type Binding = MutatingAdmissionPolicyBinding;
type MutatingHook = Hook<Policy, Binding, MutatingPolicy>;

/** A policy with a binding and a parameter that concern the request. */
interface Invocation {
  readonly hook: MutatingHook;
  readonly binding: Binding;
  readonly param: KubeObject | undefined;
  readonly served: ServedResource;
  readonly key: string;
}

interface Problem {
  readonly hook: MutatingHook;
  readonly binding: Binding | undefined;
  readonly message: string;
  readonly isInvalid: boolean;
}

export function mutatingAdmissionPolicy(facts: PolicyFacts): AdmissionPlugin {
  const hooks = policySource<Policy, Binding, MutatingPolicy>({
    lookup: facts.lookup,
    policies: `${GROUP}/mutatingadmissionpolicies`,
    bindings: `${GROUP}/mutatingadmissionpolicybindings`,
    compile: compileMutatingPolicy,
  });
  return {
    name: NAME,
    operations: ["CREATE", "UPDATE", "CONNECT"],
    admit(object, attributes, reinvocation) {
      if (isExempt(attributes)) return object;
      const all = hooks();
      if (all.length === 0) return object;
      return new MutatingRound(attributes, facts, reinvocation).run(all, object);
    },
  };
}

class MutatingRound {
  readonly #attributes: Attributes;
  readonly #facts: PolicyFacts;
  readonly #reinvocation: Reinvocation;
  readonly #rounds: Rounds;
  readonly #request: PolicyRequest;
  readonly #problems: Problem[] = [];

  constructor(attributes: Attributes, facts: PolicyFacts, reinvocation: Reinvocation) {
    this.#attributes = attributes;
    this.#facts = facts;
    this.#reinvocation = reinvocation;
    this.#rounds = roundsOf(reinvocation, NAME);
    this.#request = new PolicyRequest(attributes, facts.authorizer);
  }

  async run(hooks: readonly MutatingHook[], object: KubeObject): Promise<KubeObject> {
    const invocations: Invocation[] = [];
    for (const hook of hooks) invocations.push(...(await this.#invocationsOf(hook, object)));
    if (this.#reinvocation.isReinvoke && !jsonEqual(this.#rounds.output, object)) requireAgain(this.#rounds);
    const namespace = invocations.length === 0 ? undefined : await namespaceOf(this.#attributes, this.#facts);
    let current = object;
    for (const invocation of invocations) current = await this.#invoke(invocation, current, namespace);
    this.#rounds.output = current;
    this.#refuseProblems();
    return current;
  }

  #problem(hook: MutatingHook, binding: Binding | undefined, message: string, isInvalid = false): void {
    this.#problems.push({ hook, binding, message, isInvalid });
  }

  /** A fault of the policy itself is a refusal, unless its failure policy says otherwise. */
  #misconfigured(hook: MutatingHook, binding: Binding | undefined, err: unknown): void {
    if (!(err instanceof ConfigurationError || err instanceof StatusError)) throw err;
    const what = binding === undefined ? "policy" : "binding";
    this.#problem(hook, binding, `failed to configure ${what}: ${err.message}`);
  }

  async #invocationsOf(hook: MutatingHook, object: KubeObject): Promise<readonly Invocation[]> {
    const { policy, compiled, bindings } = hook;
    let served: ServedResource | undefined;
    let paramsOf: ServedResource | undefined;
    try {
      served = await matchedVersion(compiled.matcher, object, this.#attributes, this.#facts);
      if (served === undefined) return [];
      paramsOf = paramResource(policy.spec?.paramKind, this.#facts);
    } catch (err) {
      this.#misconfigured(hook, undefined, err);
      return [];
    }
    const found: Invocation[] = [];
    for (const binding of bindings) {
      try {
        if (!(await bindingMatches(binding, object, this.#attributes, this.#facts))) continue;
        const { namespace } = this.#attributes;
        for (const param of collectParams(paramsOf, binding.spec?.paramRef, namespace, this.#facts)) {
          found.push({ hook, binding, param, served, key: keyOf(policy, binding, param) });
        }
      } catch (err) {
        this.#misconfigured(hook, binding, err);
      }
    }
    return found;
  }

  async #invoke(
    invocation: Invocation,
    object: KubeObject,
    namespace: KubeObject | undefined,
  ): Promise<KubeObject> {
    const { hook, binding, param, served, key } = invocation;
    const { conditions } = hook.compiled;
    const input = this.#request.input(served, object, param, namespace);
    const matched = await settled(() => conditions.match(input));
    if (typeof matched === "object") this.#problem(hook, binding, matched.error, true);
    if (matched !== true) return object;
    if (this.#reinvocation.isReinvoke && !this.#rounds.reinvoke.has(key)) return object;
    const changed = await this.#mutateAll(invocation, object, namespace);
    const isSame = jsonEqual(changed, object);
    if (!isSame) {
      requireAgain(this.#rounds);
      this.#reinvocation.shouldReinvoke = true;
    }
    if (hook.policy.spec?.reinvocationPolicy === "IfNeeded") this.#rounds.invoked.add(key);
    return isSame ? object : changed;
  }

  /** One that cannot be made leaves the object to the next. */
  async #mutateAll(
    { hook, binding, param, served }: Invocation,
    object: KubeObject,
    namespace: KubeObject | undefined,
  ): Promise<KubeObject> {
    let current = object;
    for (const mutator of hook.compiled.mutators) {
      const input = this.#request.input(served, current, param, namespace);
      try {
        current = await settled(() => mutate(mutator, hook.compiled.variables, input, served));
      } catch (err) {
        if (!(err instanceof MutationError || err instanceof OutOfBudget)) throw err;
        this.#problem(hook, binding, err.message, true);
      }
    }
    return current;
  }

  #refuseProblems(): void {
    const counted = this.#problems.filter(({ hook }) => hook.compiled.failurePolicy !== "Ignore");
    const [first] = counted;
    if (first === undefined) return;
    const plain = refuse(this.#attributes, "admission request denied by policy");
    throw new StatusError(first.isInvalid ? "Invalid" : "Forbidden", problemText(first), {
      code: plain.code,
      details: {
        ...plain.details,
        causes: counted.map((problem) => ({ field: "", message: problemText(problem) })),
      },
    });
  }
}

function problemText({ hook: { policy }, binding, message }: Problem): string {
  const { name } = policy.metadata;
  if (binding === undefined) return `policy ${JSON.stringify(name)} denied request: ${message}`;
  return `policy '${name}' with binding '${binding.metadata.name}' denied request: ${message}`;
}

function keyOf(policy: Policy, binding: Binding, param: KubeObject | undefined): string {
  const parts = [
    policy.metadata.name,
    binding.metadata.name,
    param?.metadata.namespace,
    param?.metadata.name,
  ];
  return parts.map((part) => part ?? "").join("/");
}
