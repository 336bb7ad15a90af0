import type { SignReport } from '../../engine/sign.ts';
import type { SignResult } from '../../engine/sign-result.ts';
import { yamlLine } from '../../policies/yaml-text.ts';
import type { GithubClaims } from '../../signature/policy.ts';
import { githubInputs } from '../claims.ts';
import { ownUses } from './own-repository.ts';
import { isInNoLog } from './sign-lines.ts';
import { githubIssuer } from './token-words.ts';

/** What the verify step has to be told besides what was signed, as the inputs of this step say. */
export interface GateSetting {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** the signatures are in a log, and the gate may ask for it */
  readonly tlog: boolean;
  /** services other than the public-good instance: the verifier needs their trusted root */
  readonly privateSigstore: boolean;
  /** PEM of the public key (keyed) */
  readonly publicKey?: string;
  /** PEM of the authorities that issued the certificate of the key */
  readonly authorities?: SignReport['authorities'];
  /** inputs of the verify action that repeat those of this step: where signatures are, and how */
  readonly sameInputs?: Readonly<Record<string, string>>;
}

/**
 * The step of a workflow that lets exactly these images through, as YAML: the verify action with
 * the signer, the annotations and the log of what was signed. Undefined where nothing was signed, or
 * not all of it by one signer.
 */
export function gateStep(results: readonly SignResult[], setting: GateSetting): string | undefined {
  const [first] = results;
  const who = first === undefined ? undefined : signerInputs(first, setting);
  if (first === undefined || who === undefined || results.some((one) => !isAlike(one, first)))
    return undefined;
  const annotations = Object.entries(first.annotations).map(([name, value]) => `${name}=${value}`);
  const inputs = {
    images: results.map(({ image }) => image).join('\n'),
    ...who,
    ...(first.attested === undefined
      ? {}
      : { 'attestation-type': first.attested.predicateType, signature: 'ignore' }),
    ...(annotations.length === 0 ? {} : { annotations: annotations.join('\n') }),
    ...(setting.tlog && !results.some(isInNoLog) ? {} : { tlog: 'ignore' }),
    ...(setting.privateSigstore ? { 'trusted-root': 'trusted_root.json' } : {}),
    ...setting.sameInputs,
  };
  return [
    `- uses: ${ownUses(setting.env, 'verify')}`,
    '  with:',
    ...Object.entries(inputs).flatMap(([name, value]) => inputLines(name, value)),
  ].join('\n');
}

function signerInputs(
  { signer: { identity, issuer, keyId, github } }: SignResult,
  { publicKey, authorities }: GateSetting,
): Readonly<Record<string, string>> | undefined {
  if (identity !== undefined && authorities !== undefined)
    return {
      'certificate-identity': identity,
      'ca-roots': authorities.roots.trim(),
      ...(authorities.intermediates === ''
        ? {}
        : { 'ca-intermediates': authorities.intermediates.trim() }),
    };
  if (identity !== undefined && issuer !== undefined)
    return {
      'certificate-identity': identity,
      ...(issuer === githubIssuer ? {} : { 'certificate-oidc-issuer': issuer }),
      ...numbersOf(github),
    };
  return keyId === undefined || publicKey === undefined ? undefined : { key: publicKey.trim() };
}

/**
 * The numbers of repository and owner: they survive a rename, and whoever takes an abandoned name
 * has other ones.
 */
function numbersOf({ repositoryId, repositoryOwnerId }: GithubClaims = {}) {
  return {
    ...(repositoryId === undefined ? {} : { [githubInputs.repositoryId.input]: repositoryId }),
    ...(repositoryOwnerId === undefined
      ? {}
      : { [githubInputs.repositoryOwnerId.input]: repositoryOwnerId }),
  };
}

function isAlike(one: SignResult, other: SignResult): boolean {
  const facts = ({ signer: { identity, issuer, keyId, github }, annotations }: SignResult) =>
    JSON.stringify([identity, issuer, keyId, numbersOf(github), annotations]);
  return facts(one) === facts(other);
}

/** One input; several lines as a block, where YAML's readers cannot differ about it. */
function inputLines(name: string, value: string): readonly string[] {
  const values = value.split('\n');
  if (values.length > 1 && values.every((line) => /^[!-~]([ -~]*[!-~])?$/.test(line)))
    return [`    ${name}: |`, ...values.map((line) => `      ${line}`)];
  return [`    ${name}: ${yamlLine(value)}`];
}
