/** ValidatingAdmissionWebhook: all webhooks at the same time, on the final object; the first refusal counts. @module */
import type { AdmissionPlugin, Attributes } from "../plugin.ts";
import { dispatch, type WebhookOptions } from "./dispatch.ts";
import { invocationOf, isExempt } from "./invocation.ts";
import { VALIDATING, webhookSource, type Webhook } from "./webhook.ts";

export function validatingAdmissionWebhook(options: WebhookOptions): AdmissionPlugin {
  const webhooks = webhookSource(options.lookup, VALIDATING);
  return {
    name: "ValidatingAdmissionWebhook",
    operations: ["CREATE", "UPDATE", "DELETE", "CONNECT"],
    validate(attributes) {
      if (isExempt(attributes)) return undefined;
      const all = webhooks();
      return all.length === 0 ? undefined : askAll(all, attributes, options);
    },
  };
}

async function askAll(
  webhooks: readonly Webhook[],
  attributes: Attributes,
  options: WebhookOptions,
): Promise<void> {
  const found = [];
  for (const webhook of webhooks) {
    const invocation = await invocationOf(webhook, attributes.object, attributes, options);
    if (invocation !== undefined) found.push(invocation);
  }
  const startedMs = options.clock.monotonicMs();
  const answers = await Promise.allSettled(
    found.map((invocation, index) =>
      dispatch(invocation, attributes.object, attributes, options, { round: 0, index }),
    ),
  );
  attributes.waited?.(options.clock.monotonicMs() - startedMs);
  const refused = answers.find((answer) => answer.status === "rejected");
  if (refused !== undefined) throw refused.reason;
}
