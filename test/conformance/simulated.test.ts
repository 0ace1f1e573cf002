/** Every conformance test that needs no container, on one simulated cluster. */
import { runTopics, topicFiles } from "./harness/index.ts";

await runTopics(topicFiles(), "simulated");
