/** Every conformance test that needs containers, on one launched cluster of three nodes. */
import { runTopics, topicFiles } from "./harness/index.ts";

await runTopics(topicFiles(), "containers");
