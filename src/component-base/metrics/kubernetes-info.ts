/** Which Kubernetes a component is, and which of its features are on, as metrics. @module */
import { FeatureGates } from "../feature-gates.ts";
import { KUBERNETES_FEATURES } from "../kubernetes-features.ts";
import { versionInfo } from "../version.ts";
import { familyText } from "./metrics-text.ts";

/** Upstream's gates of all gates of a stage; they are features themselves. */
const ALL = {
  AllAlpha: { default: false, stage: "ALPHA" },
  AllBeta: { default: false, stage: "BETA" },
} as const;

/** The same for as long as the process lives. */
export function kubernetesInfoText(): string {
  const { major, minor, gitVersion, gitCommit, gitTreeState, buildDate, goVersion, compiler, platform } =
    versionInfo();
  const labels = {
    major,
    minor,
    git_version: gitVersion,
    git_commit: gitCommit,
    git_tree_state: gitTreeState,
    build_date: buildDate,
    go_version: goVersion,
    compiler,
    platform,
  };
  const features = new FeatureGates({ ...KUBERNETES_FEATURES, ...ALL }).list();
  const samples = features.map(({ name, stage, enabled }) => ({
    labels: { name, stage: stage === "GA" ? "" : stage },
    value: Number(enabled),
  }));
  return (
    familyText("kubernetes_build_info", "gauge", "[BETA] The version of this component; always 1", [
      { labels, value: 1 },
    ]) +
    familyText(
      "kubernetes_feature_enabled",
      "gauge",
      "[BETA] Whether a feature is on, and its stage",
      samples,
    )
  );
}
