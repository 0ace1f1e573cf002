/** `AuthenticationConfiguration` of apiserver.config.k8s.io, which says what proves who somebody is. @module */

export interface AuthenticationConfiguration {
  readonly jwt: readonly JwtAuthenticatorSpec[];
  /** Absent: the flags decide. */
  readonly anonymous?: AnonymousSpec;
}

export interface AnonymousSpec {
  readonly enabled: boolean;
  readonly conditions?: readonly { readonly path: string }[];
}

export interface JwtAuthenticatorSpec {
  readonly issuer: IssuerSpec;
  readonly claimValidationRules?: readonly ClaimValidationRule[];
  readonly claimMappings: ClaimMappings;
  readonly userValidationRules?: readonly UserValidationRule[];
}

export interface IssuerSpec {
  readonly url: string;
  /** Where the issuer's document is, when it is not below `url`. */
  readonly discoveryURL?: string;
  /** PEM; absent: the authorities that the system trusts. */
  readonly certificateAuthority?: string;
  readonly audiences?: readonly string[];
  readonly audienceMatchPolicy?: string;
  readonly egressSelectorType?: string;
}

/** A claim with a fixed value, or an expression that must hold. */
export interface ClaimValidationRule {
  readonly claim?: string;
  readonly requiredValue?: string;
  readonly expression?: string;
  readonly message?: string;
}

export interface UserValidationRule {
  readonly expression?: string;
  readonly message?: string;
}

export interface PrefixedClaimOrExpression {
  readonly claim?: string;
  readonly prefix?: string;
  readonly expression?: string;
}

export interface ClaimMappings {
  readonly username: PrefixedClaimOrExpression;
  readonly groups?: PrefixedClaimOrExpression;
  readonly uid?: { readonly claim?: string; readonly expression?: string };
  readonly extra?: readonly ExtraMapping[];
}

export interface ExtraMapping {
  readonly key?: string;
  readonly valueExpression?: string;
}
