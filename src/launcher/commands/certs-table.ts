/** `k8ts certs check` as a table, in the columns of `kubeadm certs check-expiration`. @module */
import { renderTable } from "../table.ts";

export interface CertificateRow {
  readonly name: string;
  /** Common name. */
  readonly subject: string;
  /** ISO 8601. */
  readonly expires: string;
  readonly residual: string;
  /** Negative: it has ended. */
  readonly residualMs: number;
  /** Common name of the issuer; "" for authorities. */
  readonly authority: string;
  readonly isAuthority: boolean;
}

export function renderCertificates(rows: readonly CertificateRow[]): string {
  const certificates = rows
    .filter((row) => !row.isAuthority)
    .map((row) => [row.name, row.subject, dateOf(row), residualOf(row), row.authority]);
  const authorities = rows
    .filter((row) => row.isAuthority)
    .map((row) => [row.name, row.subject, dateOf(row), residualOf(row)]);
  const titles = ["SUBJECT", "EXPIRES", "RESIDUAL TIME"];
  return [
    renderTable(["CERTIFICATE", ...titles, "CERTIFICATE AUTHORITY"], certificates),
    renderTable(["CERTIFICATE AUTHORITY", ...titles], authorities),
  ].join("\n");
}

function dateOf({ expires }: CertificateRow): string {
  return `${expires.slice(0, 16).replace("T", " ")} UTC`;
}

function residualOf({ residual, residualMs }: CertificateRow): string {
  return residualMs < 0 ? "<expired>" : residual;
}
