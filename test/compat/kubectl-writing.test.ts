/** kubectl, old and new, writes: create, apply in both ways, diff, edit, patch, replace, label, annotate, wait, delete. @module */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { LAYERS, startCompat, type Compat } from "./tools.ts";

const map = (name: string, data: Readonly<Record<string, string>>, labels?: object): object => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, labels },
  data,
});

const deployment = (name: string, replicas: number, image = "demo/web:1"): object => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, labels: { app: name } },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "web", image, ports: [{ containerPort: 80, name: "http" }] }] },
    },
  },
});

for (const layer of LAYERS) {
  describe(`kubectl of ${layer}`, () => {
    let compat: Compat;
    const kubectl = (args: string): Promise<string> => compat.kubectl(args);
    const fails = (args: string, input = ""): Promise<string> => compat.failingKubectl(args, { input });
    const apply = (object: object, flags = ""): Promise<string> =>
      compat.kubectl(`apply -f - ${flags}`, { input: JSON.stringify(object) });
    const dataOf = async (name: string): Promise<unknown> =>
      JSON.parse(await kubectl(`get cm ${name} -o jsonpath={.data}`));

    before(async () => {
      compat = await startCompat(layer);
    });
    after(() => compat.close());

    test("create takes files, refuses what exists, and says what is wrong", async () => {
      const file = await compat.file("cm.json", map("made", { a: "1" }));
      assert.equal(await kubectl(`create -f ${file}`), "configmap/made created\n");
      assert.match(await fails(`create -f ${file}`), /AlreadyExists.*configmaps "made" already exists/);
      const bad = JSON.stringify(map("Not_A_Name", {}));
      assert.match(
        await fails("create -f -", bad),
        /metadata\.name: Invalid value: "Not_A_Name": a lowercase/,
      );
      const unknown = JSON.stringify({ ...map("odd", {}), dat: { a: "1" } });
      assert.match(await fails("create -f -", unknown), /unknown field "dat"|strict decoding error/);
    });

    test("create --dry-run: the client's and the server's change nothing", async () => {
      assert.match(
        await kubectl("create cm dry --from-literal=a=1 --dry-run=client -o yaml"),
        /kind: ConfigMap/,
      );
      assert.match(await kubectl("create cm dry --from-literal=a=1 --dry-run=server"), /\(server dry run\)/);
      assert.match(await fails("get cm dry"), /NotFound/);
    });

    test("apply: created, configured, unchanged, and what left the file leaves the object", async () => {
      assert.equal(await apply(map("applied", { a: "1", b: "2" })), "configmap/applied created\n");
      assert.equal(await apply(map("applied", { a: "1", b: "2" })), "configmap/applied unchanged\n");
      await kubectl('patch cm applied --type=merge -p \'{"data":{"mine":"x"}}\'');
      assert.equal(await apply(map("applied", { a: "3" })), "configmap/applied configured\n");
      assert.deepEqual(await dataOf("applied"), { a: "3", mine: "x" });
      assert.match(await kubectl("apply view-last-applied cm applied"), /a: "3"/);
    });

    test("apply of a deployment merges containers by name", async () => {
      await apply(deployment("merged", 1));
      await kubectl("set env deployment/merged MODE=fast");
      await apply(deployment("merged", 1, "demo/web:2"));
      const container = JSON.parse(
        await kubectl("get deployment merged -o jsonpath={.spec.template.spec.containers[0]}"),
      ) as { image: string; env: unknown };
      assert.equal(container.image, "demo/web:2");
      assert.deepEqual(container.env, [{ name: "MODE", value: "fast" }]);
    });

    test("apply --server-side: owners, conflicts, force, handing over", async () => {
      const mine = "--server-side --field-manager=mine";
      assert.match(await apply(map("owned", { a: "1", b: "1" }), mine), /serverside-applied/);
      const theirs = JSON.stringify(map("owned", { a: "2" }));
      const conflict = await fails("apply -f - --server-side --field-manager=theirs", theirs);
      assert.match(conflict, /conflict with "mine": \.data\.a/);
      await apply(map("owned", { a: "2" }), "--server-side --field-manager=theirs --force-conflicts");
      assert.deepEqual(await dataOf("owned"), { a: "2", b: "1" });
      await apply(map("owned", {}), mine);
      assert.deepEqual(await dataOf("owned"), { a: "2" });
      const fields = await kubectl("get cm owned -o yaml --show-managed-fields");
      assert.match(fields, /manager: theirs\n\s+operation: Apply/);
    });

    test("apply --server-side takes over what client-side apply made", async () => {
      await apply(map("moved", { a: "1", b: "2" }));
      await apply(map("moved", { a: "2" }), "--server-side");
      assert.deepEqual(await dataOf("moved"), { a: "2" });
    });

    test("apply --prune removes what the folder no longer names", async () => {
      const labels = { set: "pruned" };
      await compat.file("prune/one.json", map("keep", { a: "1" }, labels));
      const two = await compat.file("prune/two.json", map("drop", { a: "1" }, labels));
      const command = `apply -f ${compat.dir}/prune --prune -l set=pruned --prune-allowlist=core/v1/ConfigMap`;
      await kubectl(command);
      await compat.file("prune/two.json", map("keep", { a: "1" }, labels));
      assert.ok(two);
      assert.match(await kubectl(command), /configmap\/drop pruned/);
    });

    test("diff shows the difference and exits with 1, and with 0 where there is none", async () => {
      await apply(map("differs", { a: "1" }));
      const same = await compat.tryKubectl("diff -f -", {
        input: JSON.stringify(map("differs", { a: "1" })),
      });
      assert.equal(same.code, 0, same.stderr);
      for (const flag of ["", "--server-side --force-conflicts"]) {
        const other = { input: JSON.stringify(map("differs", { a: "2" })) };
        const { code, stdout } = await compat.tryKubectl(`diff -f - ${flag}`, other);
        assert.equal(code, 1, stdout);
        assert.match(stdout, /^-\s+a: "1"\n\+\s+a: "2"$/m);
      }
    });

    test("edit sends what the editor left", async () => {
      await kubectl("create cm edited --from-literal=a=1");
      const editor = await compat.file("editor.sh", '#!/bin/sh\nsed -i \'s/a: "1"/a: "9"/\' "$1"\n');
      const edit = (args: string): Promise<string> =>
        compat.kubectl(args, { env: { KUBE_EDITOR: `sh ${editor}` } });
      assert.equal(await edit("edit cm edited"), "configmap/edited edited\n");
      assert.deepEqual(await dataOf("edited"), { a: "9" });
      assert.match(await edit("edit cm edited"), /^$|no changes/); // kubectl says so on standard error
    });

    test("patch: strategic, merge, JSON, and of a subresource", async () => {
      await apply(deployment("patched", 1));
      const one = '{"spec":{"template":{"spec":{"containers":[{"name":"web","tty":true}]}}}}';
      await kubectl(`patch deployment patched -p '${one}'`);
      await kubectl('patch deployment patched --type=merge -p \'{"metadata":{"labels":{"tier":"front"}}}\'');
      const change =
        '[{"op":"replace","path":"/spec/replicas","value":2},{"op":"test","path":"/spec/paused","value":true}]';
      assert.match(
        await fails(`patch deployment patched --type=json -p '${change}'`),
        /the server rejected our request due to an error in our request/,
      );
      await kubectl(
        'patch deployment patched --type=json -p \'[{"op":"replace","path":"/spec/replicas","value":2}]\'',
      );
      await kubectl(
        'patch deployment patched --subresource=scale --type=merge -p \'{"spec":{"replicas":3}}\'',
      );
      const text = await kubectl(
        "get deployment patched -o jsonpath={.spec.replicas}/{.metadata.labels.tier}/{..tty}",
      );
      assert.equal(text, "3/front/true");
    });

    test("replace needs what it read; --force deletes and creates", async () => {
      await kubectl("create cm replaced --from-literal=a=1");
      const read = JSON.parse(await kubectl("get cm replaced -o json")) as { metadata: { uid: string } };
      await kubectl('patch cm replaced --type=merge -p \'{"data":{"b":"2"}}\'');
      const stale = await fails("replace -f -", JSON.stringify(read));
      assert.match(
        stale,
        /Conflict|the object has been modified; please apply your changes to the latest version/,
      );
      const out = await compat.kubectl("replace --force -f -", {
        input: JSON.stringify(map("replaced", { c: "3" })),
      });
      assert.match(out, /configmap\/replaced replaced/);
      assert.notEqual(await kubectl("get cm replaced -o jsonpath={.metadata.uid}"), read.metadata.uid);
    });

    test("label and annotate: add, refuse to overwrite, overwrite, remove, select", async () => {
      await kubectl("create cm marked --from-literal=a=1");
      await kubectl("label cm marked tier=front");
      assert.match(await fails("label cm marked tier=back"), /'tier' already has a value \(front\)/);
      await kubectl("label cm marked tier=back --overwrite");
      assert.equal(await kubectl("get cm -l 'tier in (back)' -o name"), "configmap/marked\n");
      await kubectl("label cm marked tier-");
      await kubectl("annotate cm marked note=hello");
      assert.equal(await kubectl("get cm marked -o jsonpath={.metadata.annotations.note}"), "hello");
      assert.match(await fails("label cm marked 'bad key=x'"), /invalid/i);
    });

    test("wait: for a condition, a JSON path, a deletion", async () => {
      await apply(deployment("awaited", 2));
      await kubectl("wait --for=condition=Available deployment/awaited --timeout=30s");
      await kubectl("wait --for=jsonpath={.status.readyReplicas}=2 deployment/awaited --timeout=30s");
      await kubectl("delete deployment awaited --wait=false");
      await kubectl("wait --for=delete deployment/awaited --timeout=30s");
      const late = await fails("wait --for=condition=Nope deployment/merged --timeout=1s");
      assert.match(late, /timed out waiting for the condition/);
    });

    test("delete: cascades in the background, in the foreground, and not at all", async () => {
      for (const cascade of ["background", "foreground", "orphan"]) {
        const name = `gone-${cascade}`;
        await apply(deployment(name, 1));
        await kubectl(`wait --for=condition=Available deployment/${name} --timeout=30s`);
        await kubectl(`delete deployment ${name} --cascade=${cascade} --timeout=30s`);
        if (cascade === "orphan") {
          assert.match(await kubectl(`get rs,pods -l app=${name} -o name`), /replicaset.*\npod\//);
          await kubectl(`delete rs,pods -l app=${name} --timeout=30s`);
        } else {
          await kubectl(`wait --for=delete pods -l app=${name} --timeout=30s`);
        }
        assert.equal(await kubectl(`get rs,pods -l app=${name} -o name`), "");
      }
    });

    test("delete: many, all, by file, ignoring what is not there", async () => {
      await kubectl("create namespace heap");
      for (const n of [1, 2, 3]) await kubectl(`create cm -n heap c${n} --from-literal=a=1`);
      assert.match(await kubectl("delete cm -n heap c1 c2"), /"c1" deleted.*\n.*"c2" deleted/);
      assert.match(await fails("delete cm -n heap c1"), /NotFound.*configmaps "c1" not found/);
      assert.equal(await kubectl("delete cm -n heap c1 --ignore-not-found"), "");
      await kubectl("delete cm -n heap --all");
      await kubectl("delete namespace heap --timeout=30s");
      assert.match(await fails("get namespace heap"), /NotFound/);
    });

    test("apply -k builds a kustomization", async () => {
      await compat.file("base/cm.json", map("kustomized", { a: "1" }));
      await compat.file(
        "base/kustomization.yaml",
        "resources: [cm.json]\nnamePrefix: dev-\nlabels: [{pairs: {env: dev}}]\nconfigMapGenerator: [{name: made, literals: [x=1]}]\n",
      );
      await kubectl(`apply -k ${compat.dir}/base`);
      assert.match(await kubectl("get cm -l env=dev -o name"), /dev-kustomized\n.*dev-made-/);
      assert.match(await kubectl(`delete -k ${compat.dir}/base`), /dev-kustomized/);
    });
  });
}
