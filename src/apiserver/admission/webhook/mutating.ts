/** MutatingAdmissionWebhook: webhooks one after the other, each of which sees what those before it made. @module */
import { jsonEqual, type KubeObject } from "#apimachinery";
import type { AdmissionPlugin, Attributes, Reinvocation } from "../plugin.ts";
import { requireAgain, roundsOf } from "../rounds.ts";
import { dispatch, type WebhookOptions } from "./dispatch.ts";
import { invocationOf, isExempt } from "./invocation.ts";
import { MUTATING, webhookSource } from "./webhook.ts";

const NAME = "MutatingAdmissionWebhook";

export function mutatingAdmissionWebhook(options: WebhookOptions): AdmissionPlugin {
  const webhooks = webhookSource(options.lookup, MUTATING);
  const run = async (
    object: KubeObject | undefined,
    attributes: Attributes,
    reinvocation: Reinvocation,
  ): Promise<KubeObject | undefined> => {
    const rounds = roundsOf(reinvocation, NAME);
    if (reinvocation.isReinvoke && !jsonEqual(rounds.output, object)) requireAgain(rounds);
    let current = object;
    for (const [index, webhook] of webhooks().entries()) {
      const invocation = await invocationOf(webhook, current, attributes, options);
      if (invocation === undefined) continue;
      if (reinvocation.isReinvoke && !rounds.reinvoke.has(webhook.id)) continue;
      const before = current;
      const startedMs = options.clock.monotonicMs();
      current = await dispatch(invocation, current, attributes, options, {
        round: reinvocation.isReinvoke ? 1 : 0,
        index,
      });
      attributes.waited?.(options.clock.monotonicMs() - startedMs);
      if (current !== before) {
        requireAgain(rounds);
        reinvocation.shouldReinvoke = true;
      }
      const { spec } = webhook;
      if ("reinvocationPolicy" in spec && spec.reinvocationPolicy === "IfNeeded")
        rounds.invoked.add(webhook.id);
    }
    rounds.output = current;
    return current;
  };
  return {
    name: NAME,
    operations: ["CREATE", "UPDATE", "DELETE", "CONNECT"],
    admit(object, attributes, reinvocation) {
      if (isExempt(attributes) || webhooks().length === 0) return object;
      return run(object, attributes, reinvocation).then((admitted) => admitted ?? object);
    },
    validate(attributes) {
      const { operation } = attributes;
      // What has no object to change is asked here.
      if (operation !== "DELETE" || isExempt(attributes) || webhooks().length === 0) return undefined;
      const once = { isReinvoke: false, shouldReinvoke: false, state: new Map<string, unknown>() };
      return run(undefined, attributes, once).then(() => {});
    },
  };
}
