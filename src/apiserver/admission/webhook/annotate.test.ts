import assert from "node:assert/strict";
import { test } from "node:test";
import type { Attributes } from "../plugin.ts";
import { annotateFailOpen, annotateMutation, annotatePatch, annotateResponse } from "./annotate.ts";
import { verifyResponse, type Review } from "./review.ts";
import type { Webhook } from "./webhook.ts";

const webhook = { configuration: "c", isMutating: true, spec: { name: "w.example.com" } } as Webhook;
const position = { round: 1, index: 2 };

/** What was noted, with its level. */
function noting(): { readonly notes: unknown[][]; readonly attributes: Attributes } {
  const notes: unknown[][] = [];
  const addAuditAnnotation = (...note: unknown[]): void => void notes.push(note);
  return { notes, attributes: { addAuditAnnotation } as unknown as Attributes };
}

test("annotateResponse() notes the webhook's own words under its name, and only words", () => {
  const { notes, attributes } = noting();
  const review: Review = {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { uid: "u" },
  };
  const response = { uid: "u", allowed: true, auditAnnotations: { why: "because", count: 3 } };
  annotateResponse(webhook, verifyResponse({ ...review, response }, review, true), attributes);
  assert.deepEqual(notes, [["w.example.com/why", "because"]]);
});

test("annotateMutation() notes who was asked, annotatePatch() what was changed for those who may see it", () => {
  const { notes, attributes } = noting();
  annotateMutation(webhook, true, attributes, position);
  annotatePatch(
    webhook,
    Buffer.from('[{"op":"remove","path":"/a"}]').toString("base64"),
    attributes,
    position,
  );
  assert.deepEqual(notes, [
    [
      "mutation.webhook.admission.k8s.io/round_1_index_2",
      '{"configuration":"c","webhook":"w.example.com","mutated":true}',
    ],
    [
      "patch.webhook.admission.k8s.io/round_1_index_2",
      '{"configuration":"c","webhook":"w.example.com","patch":[{"op":"remove","path":"/a"}],"patchType":"JSONPatch"}',
      "Request",
    ],
  ]);
});

test("annotateFailOpen() notes who could not be asked", () => {
  const { notes, attributes } = noting();
  annotateFailOpen(webhook, attributes, position);
  annotateFailOpen({ ...webhook, isMutating: false }, attributes, { round: 0, index: 0 });
  assert.deepEqual(notes, [
    ["failed-open.mutation.webhook.admission.k8s.io/round_1_index_2", "w.example.com"],
    ["failed-open.validating.webhook.admission.k8s.io/round_0_index_0", "w.example.com"],
  ]);
});
