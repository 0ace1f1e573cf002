/** kubectl, old and new, deals with rights and secrets: create of every kind, auth, certificates, tokens, config. @module */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { CertificateSigningRequests } from "#api/certificates/v1/certificatesigningrequest";
import type { CertificateSigningRequest } from "#api/certificates/v1/types.gen";
import { LAYERS, startCompat, type Compat } from "./tools.ts";

const role = (verbs: readonly string[]): string =>
  JSON.stringify({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata: { name: "reconciled", namespace: "default" },
    rules: [{ apiGroups: [""], resources: ["pods"], verbs }],
  });

const hasCertificate = (csr: CertificateSigningRequest | undefined): boolean =>
  csr?.status?.certificate !== undefined;

for (const layer of LAYERS) {
  describe(`kubectl of ${layer}`, () => {
    let compat: Compat;
    const kubectl = (args: string): Promise<string> => compat.kubectl(args);

    before(async () => {
      compat = await startCompat(layer);
    });
    after(() => compat.close());

    test("create makes every kind it knows", async () => {
      const tls = await compat.file("empty", "");
      assert.ok(tls);
      const file = await compat.file("some.txt", "hello");
      for (const [args, made] of [
        ["namespace team", "namespace/team"],
        [`configmap files --from-file=${file} --from-literal=a=1`, "configmap/files"],
        ["secret generic plain --from-literal=password=x", "secret/plain"],
        [
          "secret docker-registry pull --docker-server=r.example --docker-username=u --docker-password=p",
          "secret/pull",
        ],
        ["serviceaccount robot", "serviceaccount/robot"],
        ["role reader --verb=get,list --resource=pods,pods/log", "role.rbac.authorization.k8s.io/reader"],
        [
          "rolebinding readers --role=reader --user=ann --group=dev",
          "rolebinding.rbac.authorization.k8s.io/readers",
        ],
        [
          "clusterrole seer --verb=get --non-resource-url=/metrics",
          "clusterrole.rbac.authorization.k8s.io/seer",
        ],
        [
          "clusterrolebinding seers --clusterrole=seer --user=ann",
          "clusterrolebinding.rbac.authorization.k8s.io/seers",
        ],
        ["quota small --hard=pods=10,requests.cpu=2", "resourcequota/small"],
        ["priorityclass high --value=1000 --description=more", "priorityclass.scheduling.k8s.io/high"],
        ["poddisruptionbudget two --selector=app=x --min-available=2", "poddisruptionbudget.policy/two"],
        ["ingress front --rule=shop.example/*=web:80,tls=cert", "ingress.networking.k8s.io/front"],
        ["service clusterip in --tcp=80:8080", "service/in"],
        ["service nodeport out --tcp=80", "service/out"],
        ["deployment web --image=demo/web:1", "deployment.apps/web"],
      ] as const)
        assert.equal(await kubectl(`create ${args}`), `${made} created\n`);
      assert.match(await kubectl("get ingress front"), /shop\.example +80, 443/);
      assert.match(await kubectl("describe quota small"), /pods +\d+ +10/);
      assert.equal(await kubectl("get secret pull -o jsonpath={.type}"), "kubernetes.io/dockerconfigjson");
    });

    test("auth can-i: one question, the list, another's rights; whoami", async () => {
      assert.equal(await kubectl("auth can-i '*' '*'"), "yes\n");
      const no = await compat.tryKubectl("auth can-i delete pods --as=ann");
      assert.equal(no.code, 1);
      assert.match(no.stdout, /^no/);
      assert.equal(await kubectl("auth can-i list pods --as=ann"), "yes\n");
      assert.equal(await kubectl("auth can-i get pods --subresource=log --as=bob --as-group=dev"), "yes\n");
      const list = await kubectl("auth can-i --list --as=ann");
      assert.match(list, /pods\/log +\[\] +\[\] +\[get list\]|pods +\[\] +\[\] +\[get list\]/);
      assert.match(list, /\[\/metrics\]/);
      // kubectl 1.27 asks versions of this API that ended before 1.36
      if (layer === "v36") assert.match(await kubectl("auth whoami -o json --as=ann"), /"username": "ann"/);
    });

    test("auth reconcile brings roles to what a file says", async () => {
      await compat.kubectl("auth reconcile -f -", { input: role(["get"]) });
      await compat.kubectl("auth reconcile -f -", { input: role(["list"]) });
      const rules = await kubectl("get role reconciled -o jsonpath={.rules}");
      assert.match(rules, /get/);
      assert.match(rules, /list/);
    });

    test("create token gives one that the API takes, for its account alone", async () => {
      const token = (await kubectl("create token robot --duration=10m")).trim();
      assert.equal(token.split(".").length, 3);
      const { code, stderr } = await compat.tryKubectl(
        `get pods --token=${token} --kubeconfig=${await anonymous()}`,
      );
      assert.equal(code, 1);
      assert.match(stderr, /User "system:serviceaccount:default:robot" cannot list resource "pods"/);
      await kubectl("create rolebinding robots --clusterrole=view --serviceaccount=default:robot");
      await kubectl(`get pods --token=${token} --kubeconfig=${await anonymous()}`);
    });

    /** The cluster without the administrator's certificate. */
    async function anonymous(): Promise<string> {
      const config = JSON.parse(await kubectl("config view --raw -o json")) as {
        users: { user: unknown }[];
      };
      for (const entry of config.users) entry.user = {};
      return compat.file("anonymous.json", config);
    }

    test("certificate approve and deny end in a certificate and in none", async () => {
      const keys = `${compat.dir}/ann`;
      const run = promisify(execFile);
      await run("openssl", [
        ..."req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=ann/O=dev -keyout".split(
          " ",
        ),
        `${keys}.key`,
        "-out",
        `${keys}.csr`,
      ]);
      const { stdout } = await run("base64", ["-w0", `${keys}.csr`]);
      for (const name of ["good", "bad"]) {
        const csr = {
          apiVersion: "certificates.k8s.io/v1",
          kind: "CertificateSigningRequest",
          metadata: { name },
          spec: {
            request: stdout,
            signerName: "kubernetes.io/kube-apiserver-client",
            usages: ["client auth"],
          },
        };
        await compat.kubectl("create -f -", { input: JSON.stringify(csr) });
      }
      assert.match(await kubectl("get csr good"), /kube-apiserver-client +.*Pending/);
      await kubectl("certificate approve good");
      await kubectl("certificate deny bad");
      await compat.cluster.waitFor(CertificateSigningRequests, { name: "good" }, hasCertificate);
      assert.match(await kubectl("get csr"), /bad .*Denied\n[\s\S]*good .*Approved,Issued/);
    });

    test("config edits and shows files, and hides what is secret", async () => {
      assert.match(await kubectl("config view"), /certificate-authority-data: DATA\+OMITTED/);
      await kubectl("config set-context other --cluster=nowhere --user=nobody");
      assert.match(await kubectl("config get-contexts"), /other +nowhere/);
      await kubectl("config delete-context other");
      assert.match(await kubectl("config current-context"), /\S/);
    });
  });
}
