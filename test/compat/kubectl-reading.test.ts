/** kubectl, old and new, reads: every output format, describe, explain, discovery, watches, raw requests. @module */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { LAYERS, startCompat, type Compat } from "./tools.ts";

const CRON_TABS = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "crontabs.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: {
      plural: "crontabs",
      singular: "crontab",
      kind: "CronTab",
      shortNames: ["ct"],
      categories: ["all"],
    },
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" },
        },
        additionalPrinterColumns: [
          { name: "Spec", type: "string", jsonPath: ".spec.cronSpec" },
          { name: "Replicas", type: "integer", jsonPath: ".spec.replicas", priority: 1 },
        ],
        schema: {
          openAPIV3Schema: {
            type: "object",
            description: "A table of things to do.",
            properties: {
              spec: {
                type: "object",
                required: ["cronSpec"],
                properties: {
                  cronSpec: { type: "string", description: "When to do it." },
                  replicas: { type: "integer", minimum: 0, default: 1 },
                },
              },
              status: { type: "object", properties: { replicas: { type: "integer" } } },
            },
          },
        },
      },
    ],
  },
};

for (const layer of LAYERS) {
  describe(`kubectl of ${layer}`, () => {
    let compat: Compat;
    const kubectl = (args: string): Promise<string> => compat.kubectl(args);

    before(async () => {
      compat = await startCompat(layer);
      await kubectl("create deployment web --image=demo/web:1 --replicas=2 --port=80");
      await kubectl("wait --for=condition=Available deployment/web --timeout=30s");
      await kubectl("expose deployment web --port=80");
      await compat.kubectl("create -f -", { input: JSON.stringify(CRON_TABS) });
      await kubectl("wait --for=condition=Established crd/crontabs.example.com --timeout=10s");
      const tab = {
        apiVersion: "example.com/v1",
        kind: "CronTab",
        metadata: { name: "daily" },
        spec: { cronSpec: "0 0 * * *" },
      };
      await compat.kubectl("create -f -", { input: JSON.stringify(tab) });
    });
    after(() => compat.close());

    test("get prints tables: default, wide, labels, no headers, sorted", async () => {
      assert.match(
        await kubectl("get deployments"),
        /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 +\d+s\n$/,
      );
      assert.match(
        await kubectl("get deploy web -o wide"),
        /CONTAINERS +IMAGES +SELECTOR\n.*nginx|web +demo\/web:1 +app=web/,
      );
      assert.match(await kubectl("get pods --show-labels"), /LABELS\nweb-.*app=web,pod-template-hash=/);
      assert.match(await kubectl("get pods -L app"), /APP\nweb-.*web\n/);
      assert.match(
        await kubectl("get nodes --no-headers --sort-by=.metadata.name"),
        /^node-1.*\nnode-2.*\nnode-3/,
      );
      assert.match(
        await kubectl("get all"),
        /pod\/web-.*[\s\S]*service\/kubernetes[\s\S]*deployment\.apps\/web[\s\S]*replicaset\.apps\/web-[\s\S]*crontab\.example\.com\/daily/,
      );
      assert.match(await kubectl("get ct"), /^NAME +SPEC\ndaily +0 0 \* \* \*\n$/);
      assert.match(await kubectl("get ct -o wide"), /REPLICAS\ndaily .* 1\n/);
    });

    test("get prints objects: yaml, json, name, jsonpath, go-template, custom columns", async () => {
      assert.match(await kubectl("get deploy web -o yaml"), /^apiVersion: apps\/v1\nkind: Deployment\n/);
      assert.equal((JSON.parse(await kubectl("get pods -o json")) as { items: unknown[] }).items.length, 2);
      assert.equal(
        await kubectl("get deploy,svc -o name"),
        "deployment.apps/web\nservice/kubernetes\nservice/web\n",
      );
      assert.equal(
        await kubectl("get deploy web -o jsonpath='{.spec.template.spec.containers[*].image}'"),
        "demo/web:1",
      );
      assert.equal(await kubectl("get deploy web -o go-template='{{.spec.replicas}}'"), "2");
      const columns = await kubectl("get svc web -o custom-columns=N:.metadata.name,P:.spec.ports[0].port");
      assert.equal(columns, "N     P\nweb   80\n");
    });

    test("get selects: labels, fields, all namespaces, chunks", async () => {
      assert.equal((await kubectl("get pods -l app=web -o name")).split("\n").length, 3);
      assert.equal(await kubectl("get pods -l app!=web -o name"), "");
      assert.match(await kubectl("get pods --field-selector=status.phase=Running -o name"), /pod\/web-/);
      assert.equal(await kubectl("get svc --field-selector=metadata.name=web -o name"), "service/web\n");
      assert.match(
        await kubectl("get cm -A --chunk-size=1"),
        /kube-system +extension-apiserver-authentication|kube-root-ca.crt/,
      );
      const { code, stderr } = await compat.tryKubectl("get pods --field-selector=spec.nonsense=1");
      assert.notEqual(code, 0);
      assert.match(stderr, /field label not supported: spec\.nonsense/);
    });

    test("get -w tells of every change, as a table and as objects", async () => {
      const watching = compat.background("get cm -w -o jsonpath='{.metadata.name}={.data.a} '");
      let seen = "";
      watching.stdout!.setEncoding("utf8").on("data", (text: string) => (seen += text));
      await once(watching.stdout!, "data");
      await kubectl("create cm followed --from-literal=a=1");
      await kubectl('patch cm followed --type=merge -p \'{"data":{"a":"2"}}\'');
      while (!seen.includes("followed=2")) await once(watching.stdout!, "data");
      assert.ok(seen.indexOf("followed=1") < seen.indexOf("followed=2"), seen);
      watching.kill();
      await once(watching, "exit");
    });

    test("describe puts together what belongs together", async () => {
      assert.match(
        await kubectl("describe deployment web"),
        /Replicas: +2 desired \| 2 updated[\s\S]*NewReplicaSet: +web-[\s\S]*ScalingReplicaSet/,
      );
      assert.match(
        await kubectl("describe pods -l app=web --show-events=true"),
        /Controlled By: +ReplicaSet\/web-[\s\S]*Scheduled[\s\S]*Successfully assigned/,
      );
      assert.match(await kubectl("describe svc web"), /Endpoints: +[\d.]+:80,[\d.]+:80/);
      assert.match(await kubectl("describe node node-1"), /Allocated resources:[\s\S]*Events:/);
      assert.match(await kubectl("describe ns default"), /Status: +Active/);
      assert.match(await kubectl("describe ct daily"), /Cron Spec: +0 0 \* \* \*/);
      assert.match(await kubectl("describe sa default"), /^Name: +default/);
      assert.match(await kubectl("describe clusterrole view"), /PolicyRule:/);
    });

    test("explain knows built-in and custom kinds", async () => {
      assert.match(await kubectl("explain pod.spec.containers.livenessProbe.httpGet.port"), /IntOrString/);
      assert.match(await kubectl("explain deployment --recursive"), /maxSurge/);
      assert.match(await kubectl("explain ct.spec"), /cronSpec\s+<string> -required-[\s\S]*When to do it/);
      const old = "--output=plaintext-openapiv2";
      assert.match(await kubectl(`explain pod.spec ${old}`), /FIELDS:[\s\S]*containers/);
      assert.match(await kubectl("explain cronjob --api-version=batch/v1"), /VERSION: +v1/);
    });

    test("api-resources and api-versions list what is served", async () => {
      const resources = await kubectl("api-resources -o wide");
      assert.match(
        resources,
        /pods +po +v1 +true +Pod +create,delete,deletecollection,get,list,patch,update,watch +all/,
      );
      assert.match(resources, /crontabs +ct +example\.com\/v1 +true +CronTab/);
      assert.match(await kubectl("api-resources --namespaced=false -o name"), /^nodes$/m);
      assert.match(await kubectl("api-resources --api-group=apps -o name"), /deployments\.apps/);
      assert.match(await kubectl("api-versions"), /^apps\/v1$[\s\S]*^example\.com\/v1$[\s\S]*^v1$/m);
    });

    test("version, cluster-info and its dump, raw requests, proxy", async () => {
      assert.match(await kubectl("version -o json"), /"gitVersion": "v1\.36\./);
      assert.match(await kubectl("cluster-info"), /control plane.* is running at/);
      assert.match(await kubectl("cluster-info dump --namespaces=default"), /"kind": "DeploymentList"/);
      assert.equal(await kubectl("get --raw /readyz"), "ok");
      assert.match(
        await kubectl("get --raw /apis/apps/v1/namespaces/default/deployments"),
        /"kind":"DeploymentList"/,
      );
      const proxy = compat.background("proxy --port=0");
      const [line] = (await once(proxy.stdout!, "data")) as [Buffer];
      const address = /127\.0\.0\.1:\d+/.exec(line.toString())![0];
      const answer = await fetch(`http://${address}/api/v1/namespaces/default/services/web`);
      assert.equal(((await answer.json()) as { kind: string }).kind, "Service");
      proxy.kill();
      await once(proxy, "exit");
    });

    test("requests of --v=9 are sane: one discovery, one list, tables asked for", async () => {
      const { stderr } = await compat.tryKubectl("get pods --v=9");
      assert.match(stderr, /as=Table;v=v1;g=meta\.k8s\.io/);
      assert.match(stderr, /GET.*\/api\/v1\/namespaces\/default\/pods\?limit=500/);
      assert.doesNotMatch(stderr, /Response Status: [45]\d\d/);
    });

    test("events shows what happened to an object", async () => {
      assert.match(await kubectl("events --for deployment/web"), /ScalingReplicaSet/);
      assert.match(
        await kubectl("get events --field-selector=reason=ScalingReplicaSet"),
        /Scaled up replica set web-/,
      );
    });
  });
}
