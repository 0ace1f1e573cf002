/** The command `k8ts kube-controller-manager`. @module */
import type { Command } from "commander";
import type { Clock } from "#apimachinery";
import { bool, whole } from "../flag-values.ts";
import type { World } from "../k8ts.ts";
import { addLeaderElectionFlags } from "../leader-election-flags.ts";
import { addControllerFlags } from "./controller-flags.ts";
import type { KubeControllerManagerFlags } from "./kube-controller-manager.ts";

export function addControllerManager(program: Command, world: World, clock: Clock): void {
  const command = program
    .command("kube-controller-manager")
    .description("run the controllers in a process of their own")
    .requiredOption("--kubeconfig <path>", "the API server, and who asks it")
    .option(
      "--use-service-account-credentials [bool]",
      "each controller writes as an account of its own",
      bool,
      false,
    )
    .option("--allocate-node-cidrs [bool]", "give nodes their pods' addresses", bool, false)
    .option("--cluster-cidr <cidr>", "addresses of pods; several families are separated by commas")
    .option("--service-cluster-ip-range <cidr>", "addresses of services, which no node is given")
    .option("--node-cidr-mask-size-ipv4 <bits>", "of a node's addresses; default: 24", whole)
    .option("--node-cidr-mask-size-ipv6 <bits>", "of a node's addresses; default: 64", whole)
    .option("--root-ca-file <path>", "published in every namespace, and in token Secrets")
    .option("--service-account-private-key-file <path>", "signs the tokens of token Secrets")
    .option("--cluster-signing-cert-file <path>", "the authority of the built-in signers")
    .option("--cluster-signing-key-file <path>", "its key")
    .option("--bind-address <ip>", "where metrics and health are served", "0.0.0.0")
    .option("--secure-port <port>", "metrics and health; 0: nowhere", whole, 10_257)
    .option("--tls-cert-file <path>", "to serve with; default: a certificate of its own, in memory")
    .option("--tls-private-key-file <path>", "its key")
    .option("--client-ca-file <path>", "whose client certificates may ask for metrics")
    .option("--log-dir <path>", "a log file; default: standard error");
  addControllerFlags(command);
  addLeaderElectionFlags(command, "true");
  command.action(async (flags: KubeControllerManagerFlags) => {
    const { runKubeControllerManager } = await import("./kube-controller-manager.ts");
    await runKubeControllerManager(flags, clock, Math.random, world.signal);
  });
}
