/** What is counted of pods and their containers. @module */
import type { Counter } from "#component-base";
import type { MetricFactory } from "./metric-factory.ts";

export class PodMetrics {
  readonly rejections: Counter;
  readonly sandboxErrors: Counter;
  readonly started: Counter;
  readonly startErrors: Counter;
  readonly usernsStarted: Counter;
  readonly usernsErrors: Counter;
  readonly containersStarted: Counter;
  readonly containerErrors: Counter;
  readonly containersTerminated: Counter;
  readonly orphaned: Counter;
  readonly restarted: Counter;

  constructor(make: MetricFactory) {
    this.rejections = make.counter(
      "kubelet_admission_rejections_total",
      "Pods that the node did not take, by reason",
      "reason",
    );
    this.sandboxErrors = make.counter(
      "kubelet_run_podsandbox_errors_total",
      "Pods' sandboxes that could not be started, by runtime handler",
      "runtime_handler",
    );
    this.started = make.counter("kubelet_started_pods_total", "Pods' sandboxes that were to be started");
    this.startErrors = make.counter(
      "kubelet_started_pods_errors_total",
      "Pods' sandboxes that could not be started",
    );
    this.usernsStarted = make.counter(
      "kubelet_started_user_namespaced_pods_total",
      "Pods with a user namespace of their own whose sandboxes were to be started",
    );
    this.usernsErrors = make.counter(
      "kubelet_started_user_namespaced_pods_errors_total",
      "Pods with a user namespace of their own whose sandboxes could not be started",
    );
    this.containersStarted = make.counter(
      "kubelet_started_containers_total",
      "Containers that were to be started, by their type",
      "container_type",
    );
    this.containerErrors = make.counter(
      "kubelet_started_containers_errors_total",
      "Containers that could not be started, by their type and by why",
      "container_type",
      "code",
    );
    this.containersTerminated = make.counter(
      "kubelet_terminated_containers_total",
      "Containers that have ended, by their type and by how",
      "container_type",
      "exit_code",
      "reason",
    );
    this.orphaned = make.counter(
      "kubelet_orphaned_runtime_pods_total",
      "Pods that the runtime had though nobody asked for them",
    );
    this.restarted = make.counter(
      "kubelet_restarted_pods_total",
      "Pods that went and came back with the same uid",
      "static",
    );
  }
}
