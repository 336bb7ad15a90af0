import { getInput } from '@actions/core';
import type { FormatChoice } from '../../engine/formats.ts';
import type { ServiceRequest, SignRequest } from '../../engine/request.ts';
import type { Masker } from '../../engine/world.ts';
import { parseDigest } from '../../image/digest.ts';
import { parseAnnotations } from './annotations.ts';
import { otherNames, rememberNames } from './other-names.ts';
import { checkSignInputs } from './rules.ts';
import {
  parseBoolean,
  parseChoice,
  parseDuration,
  parseImages,
  parseRegistryHost,
  parseServiceUrl,
} from './values.ts';

export const formatChoices = [
  'auto',
  'bundle',
  'legacy',
  'both',
] as const satisfies readonly FormatChoice[];

/** The inputs of sign-image, read once: what is to be done, and what only GitHub Actions knows. */
export interface SignInputs extends SignRequest {
  /** those of input `annotations` */
  readonly annotations: Readonly<Record<string, string>>;
  readonly githubAnnotations: boolean;
  readonly githubToken?: string;
  /** what a person should know although nothing is wrong enough to stop */
  readonly warnings: readonly string[];
}

/** Where inputs come from: @actions/core's getInput and the environment, or a table in a test. */
export interface InputSource {
  get(name: string, options?: { trimWhitespace: boolean }): string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const runnerInputs: InputSource = {
  get: (name, options) => getInput(name, options),
  env: process.env,
};

/**
 * Reads and checks all inputs of sign-image. Secrets are masked before anything that can fail or
 * print.
 * @throws {Failure} `bad-input`, `bad-digest`, `bad-annotation`, naming the input and what to write
 * instead.
 */
export function readSignInputs(masker: Masker, given: InputSource = runnerInputs): SignInputs {
  const { source, names } = rememberNames(given);
  const secrets = readSecrets(masker, source);
  const text = (name: string) => source.get(name);
  const flag = (name: string, fallback: boolean) => parseBoolean(name, text(name), fallback);
  const { annotations, warnings } = parseAnnotations(text('annotations'));
  const inputs = {
    images: parseImages(text('images')),
    ...optional('digest', text('digest'), parseDigest),
    ...optional('metadata', text('metadata'), asIs),
    recursive: flag('recursive', false),
    ...secrets,
    annotations,
    githubAnnotations: flag('github-annotations', false),
    format: parseChoice('format', text('format') || 'auto', formatChoices),
    tlog: flag('tlog', true),
    skipExisting: flag('skip-existing', true),
    verify: flag('verify', true),
    oidcAudience: text('oidc-audience') || 'sigstore',
    services: readServices(text),
    disclosePrivateRepository: flag('disclose-private-repository', false),
    registry: {
      ...secrets.registry,
      ...optional('host', text('registry'), parseRegistryHost),
      allowHttp: flag('allow-http-registry', false),
      allowInsecure: flag('allow-insecure-registry', false),
    },
    timeout: parseDuration('timeout', text('timeout') || '5m'),
  };
  return {
    ...inputs,
    warnings: [
      ...warnings,
      ...checkSignInputs(inputs, otherNames(source, 'sign', names), source.env),
    ],
  };
}

function readServices(text: (name: string) => string): ServiceRequest {
  return {
    ...optional('fulcioUrl', text('fulcio-url'), (value) => parseServiceUrl('fulcio-url', value)),
    ...optional('rekorUrl', text('rekor-url'), (value) => parseServiceUrl('rekor-url', value)),
    ...optional('timestampUrl', text('timestamp-url'), (value) =>
      parseServiceUrl('timestamp-url', value),
    ),
    ...optional('rekorVersion', text('rekor-version'), (value) =>
      parseChoice('rekor-version', value, ['1', '2']) === '1' ? 1 : 2,
    ),
    ...optional('signingConfig', text('signing-config'), asIs),
    ...optional('trustedRoot', text('trusted-root'), asIs),
    ...optional('tufMirror', text('tuf-mirror'), (value) => parseServiceUrl('tuf-mirror', value)),
    ...optional('tufRoot', text('tuf-root'), asIs),
  };
}

/**
 * Reads what must never be printed and masks all of it at once. Passwords keep their spaces. A line
 * break at the end is the secret store's, or part of the password of a key that `echo` made: the
 * key's reader tries both.
 */
function readSecrets(masker: Masker, source: InputSource) {
  const written = (name: string) => source.get(name, { trimWhitespace: false });
  const withoutBreak = (text: string) => text.replace(/[\r\n]+$/, '');
  const key = source.get('key');
  const given = written('key-password');
  const keyPassword = withoutBreak(given) === '' ? source.env.COSIGN_PASSWORD : given;
  const username = source.get('registry-username');
  const registryPassword = withoutBreak(written('registry-password'));
  const identityToken = source.get('identity-token') || (source.env.SIGSTORE_ID_TOKEN ?? '').trim();
  const githubToken = source.get('github-token');
  masker.maskKey(key);
  masker.maskKey(source.env[/^env:\/\/(\w+)$/.exec(key)?.[1] ?? '']);
  for (const secret of [keyPassword, registryPassword, identityToken, githubToken])
    masker.mask(secret);
  masker.maskBasic(username, registryPassword);
  return {
    ...optional('key', key, asIs),
    ...(keyPassword === undefined ? {} : { keyPassword }),
    ...optional('identityToken', identityToken, asIs),
    ...optional('githubToken', githubToken, asIs),
    registry: {
      ...optional('username', username, asIs),
      ...optional('password', registryPassword, asIs),
    },
  };
}

/** `{ [name]: parse(text) }`, or nothing for an empty input. */
export function optional<K extends string, T>(
  name: K,
  text: string,
  parse: (text: string) => T,
): { readonly [key in K]?: T } {
  return text === '' ? {} : ({ [name]: parse(text) } as { readonly [key in K]?: T });
}

/** For texts that another room reads. */
export function asIs(text: string): string {
  return text;
}
