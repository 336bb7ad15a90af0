// A certificate authority of one's own, as an enterprise has it: a root, an issuing authority, and
// certificates for signing that last a year.
import { ownAuthorities } from '../../src/signature/own-authorities.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import {
  type Certified,
  codeSigning,
  extendedKeyUsage,
  extension,
  keyUsage,
} from '../sandbox/sigstore/certificates.ts';
import { boolean, integer, sequence } from '../sandbox/sigstore/der.ts';
import { newEcKey } from '../sandbox/sigstore/keys.ts';
import { certify, email, issuer, type Leaf, signingTime } from './forge.ts';

export const mailbox = 'release@acme.example';

export const authority = (pathLength?: number): Buffer =>
  extension(
    '2.5.29.19',
    sequence(boolean(true), ...(pathLength === undefined ? [] : [integer(pathLength)])),
    true,
  );

export type Period = readonly [Date, Date];
const hours = (from: number, to: number): Period => [
  new Date(signingTime.getTime() + from * 3_600_000),
  new Date(signingTime.getTime() + to * 3_600_000),
];
export const year = hours(-24 * 100, 24 * 265);
export const yesterday = hours(-48, -24);
export const tomorrow = hours(24, 48);

/** A root, and the authority below it that issues certificates. */
export interface OwnPki {
  readonly root: Certified;
  readonly step: Certified;
}

/** Everything has an honest default. */
export function ownPki(
  wish: {
    readonly root?: readonly Buffer[];
    readonly step?: readonly Buffer[];
    readonly stepPeriod?: Period;
    readonly under?: Certified;
  } = {},
): OwnPki {
  const root =
    wish.under ??
    certify('acme-root', newEcKey(), undefined, [
      ...(wish.root ?? [authority()]),
      keyUsage.certificateSigning(),
    ]);
  const step = certify(
    'acme-issuing',
    newEcKey(),
    root,
    wish.step ?? [authority(0), keyUsage.certificateSigning(), extendedKeyUsage(codeSigning)],
    wish.stepPeriod,
  );
  return { root, step };
}

/** A certificate for signing: a person's, in no log of certificates, without an issuer. */
export const ownLeaf = ({ step }: Pick<OwnPki, 'step'>, more: Leaf = {}): Leaf => ({
  by: step,
  names: [email(mailbox)],
  issuer: [],
  promise: 'none',
  notBefore: year[0],
  notAfter: year[1],
  ...more,
});

/** What a gate asks that has `ca-roots` and `ca-intermediates`, and names no issuer. */
export const ownPolicy = (
  { root, step }: Pick<OwnPki, 'root'> & Partial<OwnPki>,
  identity = mailbox,
): SignaturePolicy => ({
  signers: [
    { identities: [{ exact: identity }], issuers: [{ exact: issuer }], noIssuer: 'allowed' },
  ],
  annotations: {},
  tlog: 'required',
  authorities: ownAuthorities([root.der], step === undefined ? [] : [step.der]),
});
