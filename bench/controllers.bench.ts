/**
 * Controllers: how long until what was asked for is there, with all writes through the API and nobody to run the pods.
 *
 * Sketch: a pod created in process is 0.1 ms of validation, admission and store; its event reaches two informers, and a
 * controller that reads its caches by index costs little beside. A Deployment of 10,000 pods is then a second or two, as long
 * as no sync walks all pods for each pod that changes. A Job writes each pod three times, and each batch of counted pods writes
 * the Job. The limit of each is the same writes by a client in the same process, measured in the same run.
 * @module
 */
import { measureGrowth, measureMany } from "./controllers/deployments.ts";
import { measureJob } from "./controllers/jobs.ts";
import { measureLostNode, measureNamespace } from "./controllers/lost.ts";

/** Names of parts; none: all. */
const wanted = process.argv.slice(2);
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name);

if (isWanted("growth")) await measureGrowth([1_000, 10_000], [1_000, 10_000]);
if (isWanted("many")) await measureMany(1_000);
if (isWanted("job")) await measureJob(10_000, 1_000);
if (isWanted("namespace")) await measureNamespace(10_000);
if (isWanted("node")) await measureLostNode(100);
