/** What becomes of the kubelet's certificates, as metrics with upstream's names. @module */
import type { X509Certificate } from "node:crypto";
import { Counter, Gauge, Histogram, Registry } from "#component-base";
import type { Clock } from "#apimachinery";

/** Told by whoever keeps a certificate. */
export interface CertificateReporter {
  /** It is used from now on. */
  uses(leaf: Pick<X509Certificate, "validToDate">): void;
  /** A request for the next one came to nothing. */
  failed(): void;
  /** There is a next one, so long after the last one's beginning. */
  rotated(ageSeconds: number): void;
}

/** A minute to four years. */
const AGE_BUCKETS = [
  60, 3_600, 14_400, 86_400, 604_800, 2_592_000, 7_776_000, 15_552_000, 31_104_000, 124_416_000,
];

export class CertificateMetrics {
  readonly client: CertificateReporter;
  readonly server: CertificateReporter;
  readonly #registry = new Registry();

  constructor(clock: Clock) {
    const registers = [this.#registry];
    const ttl = (name: string, help: string): CertificateReporter["uses"] => {
      let endMs: number | undefined;
      const collect = function (this: Gauge): void {
        this.set(endMs === undefined ? Number.POSITIVE_INFINITY : Math.trunc((endMs - clock.now()) / 1_000));
      };
      // oxlint-disable-next-line no-new -- the registry has it
      new Gauge({ name, help: `[ALPHA] ${help}`, registers, collect });
      return (leaf) => void (endMs = leaf.validToDate.getTime());
    };
    const errors = (name: string): (() => void) => {
      const counter = new Counter({
        name,
        help: "[ALPHA] Renewals of the certificate that failed",
        registers,
      });
      return () => counter.inc();
    };
    const ages = new Histogram({
      name: "kubelet_certificate_manager_server_rotation_seconds",
      help: "[ALPHA] Age of serving certificates when they were replaced, in seconds",
      buckets: AGE_BUCKETS,
      registers,
    });
    this.client = {
      uses: ttl(
        "kubelet_certificate_manager_client_ttl_seconds",
        "Seconds until the client certificate ends; negative when it has ended, +Inf when there is none",
      ),
      failed: errors("kubelet_certificate_manager_client_expiration_renew_errors"),
      rotated: () => {}, // upstream measures serving certificates alone
    };
    this.server = {
      uses: ttl(
        "kubelet_certificate_manager_server_ttl_seconds",
        "Seconds until the serving certificate ends; negative when it has ended, +Inf when there is none",
      ),
      failed: errors("kubelet_server_expiration_renew_errors"),
      rotated: (ageSeconds) => ages.observe(ageSeconds),
    };
  }

  /** For `/metrics`. */
  expose(): Promise<string> {
    return this.#registry.metrics();
  }
}
