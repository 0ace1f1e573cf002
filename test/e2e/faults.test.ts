/** What goes wrong while a cluster runs: processes that are killed, nodes that go away, a disk that fills up. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { ConfigMaps } from "#api/core/v1/configmap";
import { systemClock } from "#apimachinery";
import { newClient, type Client } from "#client";
import { loadKubeconfig, newHttpTransport, type HttpTransport } from "#client/node";
import { TestCluster, eventually, run } from "./harness.ts";
