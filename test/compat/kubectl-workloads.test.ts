/** kubectl, old and new, runs workloads and nodes: rollout, scale, autoscale, set, run, taint, cordon, drain. @module */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { LAYERS, startCompat, type Compat } from "./tools.ts";

const template = (name: string, image: string): object => ({
  metadata: { labels: { app: name } },
  spec: { containers: [{ name: "web", image }] },
});

for (const layer of LAYERS) {
  describe(`kubectl of ${layer}`, () => {
    let compat: Compat;
    const kubectl = (args: string): Promise<string> => compat.kubectl(args);
    const fails = (args: string): Promise<string> => compat.failingKubectl(args);

    before(async () => {
      compat = await startCompat(layer);
      await kubectl("create deployment web --image=demo/web:1 --replicas=3");
      await kubectl("rollout status deployment/web --timeout=30s");
    });
    after(() => compat.close());

    test("rollout: status, history with its causes, undo, restart, pause and resume", async () => {
      await kubectl("annotate deployment/web kubernetes.io/change-cause=first");
      await kubectl("set image deployment/web web=demo/web:2");
      await kubectl("annotate deployment/web kubernetes.io/change-cause=second --overwrite");
      assert.match(await kubectl("rollout status deployment/web --timeout=30s"), /successfully rolled out/);
      assert.match(await kubectl("rollout history deployment/web"), /1 +first\n2 +second\n/);
      assert.match(await kubectl("rollout history deployment/web --revision=1"), /Image:\s+demo\/web:1/);
      await kubectl("rollout undo deployment/web");
      await kubectl("rollout status deployment/web --timeout=30s");
      const image = "get deployment web -o jsonpath={..image}";
      assert.equal(await kubectl(image), "demo/web:1");
      assert.match(await kubectl("rollout history deployment/web"), /2 +second\n3 +first\n/);
      await kubectl("rollout undo deployment/web --to-revision=2");
      assert.equal(await kubectl(image), "demo/web:2");
      await kubectl("rollout pause deployment/web");
      assert.match(await fails("rollout restart deployment/web"), /paused/);
      await kubectl("rollout resume deployment/web");
      await kubectl("rollout restart deployment/web");
      await kubectl("rollout status deployment/web --timeout=30s");
      assert.match(await kubectl("get deployment web -o yaml"), /kubectl\.kubernetes\.io\/restartedAt/);
    });

    test("rollout of StatefulSets and DaemonSets: status, history, undo", async () => {
      for (const [kind, name] of [
        ["StatefulSet", "db"],
        ["DaemonSet", "agent"],
      ] as const) {
        const object = {
          apiVersion: "apps/v1",
          kind,
          metadata: { name },
          spec: {
            selector: { matchLabels: { app: name } },
            template: template(name, "demo/web:1"),
            ...(kind === "StatefulSet" && { serviceName: name, replicas: 2 }),
          },
        };
        await compat.kubectl("apply -f -", { input: JSON.stringify(object) });
        await kubectl(`rollout status ${kind}/${name} --timeout=30s`);
        await kubectl(`set image ${kind}/${name} web=demo/web:2`);
        await kubectl(`rollout status ${kind}/${name} --timeout=30s`);
        assert.match(await kubectl(`rollout history ${kind}/${name}`), /1 +<none>\n2 +<none>/);
        await kubectl(`rollout undo ${kind}/${name}`);
        await kubectl(`rollout status ${kind}/${name} --timeout=30s`);
        const images = await kubectl(
          `get pods -l app=${name} -o jsonpath={.items[*].spec.containers[0].image}`,
        );
        assert.deepEqual(new Set(images.split(" ")), new Set(["demo/web:1"]));
      }
    });

    test("scale: to a size, only from a size, of every kind that has one", async () => {
      await kubectl("scale deployment/web --replicas=1");
      await kubectl("rollout status deployment/web --timeout=30s");
      assert.match(
        await fails("scale deployment/web --replicas=2 --current-replicas=5"),
        /Expected replicas to be 5, was 1/,
      );
      await kubectl("scale statefulset/db --replicas=1");
      await kubectl("wait --for=delete pod/db-1 --timeout=30s");
    });

    test("autoscale makes a HorizontalPodAutoscaler in the form that kubectl likes", async () => {
      await kubectl("autoscale deployment/web --min=1 --max=4 --cpu-percent=80");
      assert.match(await kubectl("get hpa web"), /Deployment\/web .*80% +1 +4/);
      await kubectl("delete hpa web");
    });

    test("set: env, resources, selector, serviceaccount, subject", async () => {
      await kubectl("set env deployment/web A=1 B=2");
      await kubectl("set env deployment/web A-");
      assert.match(await kubectl("set env deployment/web --list"), /^B=2$/m);
      await kubectl("set resources deployment/web --limits=cpu=200m,memory=64Mi --requests=cpu=100m");
      await kubectl("create serviceaccount robot");
      await kubectl("set serviceaccount deployment/web robot");
      const spec = await kubectl("get deployment web -o jsonpath={.spec.template.spec}");
      assert.match(spec, /"cpu":"200m"/);
      assert.match(spec, /"serviceAccountName":"robot"/);
      await kubectl("create rolebinding readers --clusterrole=view --serviceaccount=default:default");
      await kubectl("set subject rolebinding readers --user=ann");
      assert.match(await kubectl("get rolebinding readers -o wide"), /ann +default\/default/);
    });

    test("run starts a pod; a finished one says so; logs of nothing is an error", async () => {
      await kubectl("run one --image=demo/web:1 --labels=app=one --env=A=1 --restart=Never");
      await kubectl("wait --for=condition=Ready pod/one --timeout=30s");
      await kubectl("run done --image=demo/web:1 --restart=Never --command -- true");
      await kubectl("wait --for=jsonpath={.status.phase}=Succeeded pod/done --timeout=30s");
      assert.match(await kubectl("get pod done"), /0\/1 +Completed/);
      assert.match(await fails("logs nothing"), /pods "nothing" not found/);
      await kubectl("delete pod one done --grace-period=0 --force");
    });

    test("jobs and cron jobs: create, from a cron job, wait, delete with their pods", async () => {
      await kubectl("create job once --image=demo/web:1 -- true");
      await kubectl("wait --for=condition=Complete job/once --timeout=30s");
      assert.match(await kubectl("get job once"), /1\/1/);
      await kubectl("create cronjob hourly --image=demo/web:1 --schedule='0 * * * *' -- true");
      assert.match(await kubectl("get cronjob hourly"), /0 \* \* \* \* +<none> +False +0/);
      await kubectl("create job manual --from=cronjob/hourly");
      await kubectl("wait --for=condition=Complete job/manual --timeout=30s");
      await kubectl("delete job once manual");
      await kubectl("wait --for=delete pods -l job-name=once --timeout=30s");
    });

    test("taint, cordon, drain with a budget, uncordon", async () => {
      await kubectl("taint node node-3 dedicated=db:NoSchedule");
      assert.match(await kubectl("describe node node-3"), /dedicated=db:NoSchedule/);
      await kubectl("taint node node-3 dedicated:NoSchedule-");
      await kubectl("create deployment spread --image=demo/web:1 --replicas=6");
      await kubectl("rollout status deployment/spread --timeout=30s");
      await kubectl("create poddisruptionbudget spread --selector=app=spread --min-available=4");
      await kubectl("wait --for=jsonpath={.status.disruptionsAllowed}=2 pdb/spread --timeout=30s");
      await kubectl("drain node-1 --ignore-daemonsets --delete-emptydir-data --timeout=60s");
      assert.match(await kubectl("get node node-1"), /Ready,SchedulingDisabled/);
      const there = "get pods -A --field-selector=spec.nodeName=node-1 -o name";
      assert.doesNotMatch(await kubectl(there), /spread/);
      await kubectl("uncordon node-1");
      assert.doesNotMatch(await kubectl("get node node-1"), /SchedulingDisabled/);
    });

    test("expose makes services of every type", async () => {
      await kubectl("expose deployment web --port=80 --target-port=8080 --name=inside");
      await kubectl("expose deployment web --port=80 --type=NodePort --name=outside");
      assert.match(
        await kubectl("get svc inside outside"),
        /inside +ClusterIP[\s\S]*outside +NodePort .* 80:3\d{4}\/TCP/,
      );
      await kubectl("create service externalname far --external-name=example.com");
      assert.match(await kubectl("get svc far"), /ExternalName +<none> +example\.com/);
    });
  });
}
