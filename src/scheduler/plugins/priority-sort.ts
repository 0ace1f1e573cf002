/** PrioritySort: the most important pod first, and of equals the one that waits longest. @module */
import type { Plugin } from "../framework/plugin.ts";

export const prioritySort: Plugin = {
  name: "PrioritySort",
  less(a, b) {
    const [first, second] = [a.pod.priority, b.pod.priority];
    return first > second || (first === second && a.queuedAt < b.queuedAt);
  },
};
