import type { ServiceRequest, SignRequest } from '../../engine/request.ts';
import type { Masker } from '../../engine/world.ts';
import { otherNames } from './other-names.ts';
import { type InputSource, optional, readTable, runnerInputs, type Values } from './read.ts';
import { checkCertificate, checkSignInputs, type SignInputs, type WriteInputs } from './rules.ts';
import { signTable } from './table.ts';

export type { SignInputs, WriteInputs } from './rules.ts';

/**
 * Reads and checks all inputs of sign-image.
 * @throws {Failure} `bad-input`, `bad-digest`, `bad-annotation`, naming the input and what to write
 * instead.
 */
export function readSignInputs(masker: Masker, source: InputSource = runnerInputs): SignInputs {
  const read = readTable(signTable, source, masker);
  const inputs = {
    ...writeInputsOf(read),
    annotations: read.annotations.annotations,
    githubAnnotations: read['github-annotations'],
  };
  const mistakes = otherNames(source, 'sign', signTable);
  return {
    ...inputs,
    warnings: [...read.annotations.warnings, ...checkSignInputs(inputs, mistakes, source.env)],
  };
}

/** What signing and attesting are told alike. */
export function writeInputsOf(
  read: Omit<Values<typeof signTable>, 'annotations' | 'github-annotations'>,
): WriteInputs {
  return {
    images: read.images,
    ...optional('digest', read.digest),
    ...optional('metadata', read.metadata),
    recursive: read.recursive,
    ...optional('key', read.key),
    ...optional('keyPassword', read['key-password']),
    ...optional('own', ownCertificate(read)),
    format: read.format,
    tlog: read.tlog,
    ...optional('tlogFallback', read['tlog-fallback']),
    skipExisting: read['skip-existing'],
    verify: read.verify,
    ...optional('identityToken', read['identity-token']),
    oidcAudience: read['oidc-audience'],
    services: servicesOf(read),
    disclosePrivateRepository: read['disclose-private-repository'],
    registry: registryOf(read),
    ...optional('signatureRepository', read['signature-repository']),
    timeout: read.timeout,
    ...optional('githubToken', read['github-token']),
  };
}

/** @throws {Failure} `bad-input` for one without the other, or without a key */
function ownCertificate(
  read: Pick<Values<typeof signTable>, 'key' | 'certificate' | 'certificate-chain'>,
): WriteInputs['own'] {
  const { key, certificate, 'certificate-chain': chain } = read;
  if (certificate === undefined && chain === undefined) return undefined;
  return checkCertificate({ key, certificate, chain });
}

/** Where signing and the logs are. */
export function servicesOf(
  read: Pick<
    Values<typeof signTable>,
    Shared | 'fulcio-url' | 'rekor-url' | 'timestamp-url' | 'rekor-version' | 'signing-config'
  >,
): ServiceRequest {
  const version = read['rekor-version'];
  return {
    ...optional('fulcioUrl', read['fulcio-url']),
    ...optional('rekorUrl', read['rekor-url']),
    ...optional('timestampUrl', read['timestamp-url']),
    ...optional('rekorVersion', version === undefined ? undefined : version === '1' ? 1 : 2),
    ...optional('signingConfig', read['signing-config']),
    ...trustOf(read),
  };
}

type Shared =
  | 'trusted-root'
  | 'tuf-mirror'
  | 'tuf-root'
  | 'registry'
  | 'registry-username'
  | 'registry-password'
  | 'allow-http-registry'
  | 'allow-insecure-registry';

/** What certificates and logs are checked with. */
export function trustOf(
  read: Pick<Values<typeof signTable>, Shared>,
): Pick<ServiceRequest, 'trustedRoot' | 'tufMirror' | 'tufRoot'> {
  return {
    ...optional('trustedRoot', read['trusted-root']),
    ...optional('tufMirror', read['tuf-mirror']),
    ...optional('tufRoot', read['tuf-root']),
  };
}

/** How the registry is reached. */
export function registryOf(read: Pick<Values<typeof signTable>, Shared>): SignRequest['registry'] {
  return {
    ...optional('username', read['registry-username']),
    ...optional('password', read['registry-password']),
    ...optional('host', read.registry),
    allowHttp: read['allow-http-registry'],
    allowInsecure: read['allow-insecure-registry'],
  };
}
