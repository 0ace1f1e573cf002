/** What PodNodeSelector is configured with: a file older than versioned configurations. @module */
import { isJsonObject, parseYamlDocuments } from "#apimachinery";
import type { NodeSelectors } from "../pod-node-selector.ts";
import type { PluginDocument } from "./admission-configuration.ts";

/** Throws an Error that says what is wrong. */
export function nodeSelectors({ text, source }: PluginDocument): NodeSelectors {
  const [document] = parseYamlDocuments(text);
  const selectors = isJsonObject(document) ? (document["podNodeSelectorPluginConfig"] ?? {}) : undefined;
  if (!isJsonObject(selectors) || Object.values(selectors).some((value) => typeof value !== "string")) {
    throw new Error(`${source}: podNodeSelectorPluginConfig must have a selector for each namespace`);
  }
  return selectors as NodeSelectors;
}
