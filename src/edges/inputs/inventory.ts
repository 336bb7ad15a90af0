import type { InventoryRequest } from '../../engine/request.ts';
import type { Masker } from '../../engine/world.ts';
import { Failure } from '../../failure.ts';
import { parseReference, type RepositoryName } from '../../image/reference.ts';
import { inventoryTable } from './inventory-table.ts';
import { type InputSource, optional, readTable } from './read.ts';
import { servicesOf } from './sign.ts';
import { readVerifyInputs } from './verify.ts';

/** The inputs of `sign-image inventory`, read once. */
export interface InventoryInputs extends InventoryRequest {
  readonly warnings: readonly string[];
}

/**
 * Reads and checks all inputs of `sign-image inventory`. What says whose signatures are verified is
 * read and checked as the gate does it, and may be left out.
 * @param compilePattern what `loadPatterns` has loaded
 * @throws {Failure} `bad-input`, `bad-reference`
 */
export function readInventoryInputs(
  masker: Masker,
  source: InputSource,
  compilePattern?: Parameters<typeof readVerifyInputs>[2],
): InventoryInputs {
  const read = readTable(inventoryTable, source, masker);
  const repository = repositoryOf(read.repository);
  const asks =
    read.key !== undefined ||
    read['certificate-identity'].length > 0 ||
    read['certificate-identity-regexp'].length > 0;
  if (
    !asks &&
    read['certificate-oidc-issuer'].length + read['certificate-oidc-issuer-regexp'].length > 0
  )
    throw bad(
      'An issuer is named, and nobody whom it would be the issuer of.',
      'Add `certificate-identity`, or leave the issuer out.',
    );
  if (read['resign-with'] !== undefined && !asks)
    throw bad(
      'Input resign-with signs what verifies, and nothing says whose signatures count. Whatever somebody has put into the repository would be signed.',
      'Name who has signed until now: `key: old.pub`, or `certificate-identity: …`.',
    );
  const inputs = readVerifyInputs(masker, asGate(source, repository, asks), compilePattern);
  return {
    ...inputs,
    images: [],
    knownSigners: false,
    timeout: read.timeout,
    services: servicesOf({ ...read, 'fulcio-url': undefined }),
    repository,
    ...optional('resignWith', read['resign-with']),
    ...optional('keyPassword', read['key-password']),
    prune: read.prune,
    dryRun: read['dry-run'],
    warnings: [...inputs.warnings, ...warningsOf(read, source.env)],
  };
}

function warningsOf(
  read: {
    readonly prune: boolean;
    readonly 'dry-run': boolean;
    readonly 'resign-with'?: string | undefined;
  },
  { COSIGN_REPOSITORY: elsewhere }: InputSource['env'],
): readonly string[] {
  const isIdle = !read['dry-run'] && !read.prune && read['resign-with'] === undefined;
  return [
    ...(isIdle ? ['Input dry-run has no effect: neither prune nor resign-with is given.'] : []),
    ...(elsewhere?.trim()
      ? [
          'COSIGN_REPOSITORY is set: signatures there are not listed, only what lies beside the images.',
        ]
      : []),
  ];
}

/** The gate wants an image, and somebody who must have signed it. */
function asGate({ get, env }: InputSource, repository: RepositoryName, asks: boolean): InputSource {
  const given: Readonly<Record<string, string>> = {
    images: `${repository.registry}/${repository.repository}:any`,
    ...(asks ? {} : { 'known-signers': 'true' }),
  };
  return {
    get: (name, options) =>
      given[name] ?? (Object.hasOwn(inventoryTable, name) ? get(name, options) : ''),
    // Listed is what lies in this repository, wherever other commands would look.
    env: Object.fromEntries(Object.entries(env).filter(([name]) => name !== 'COSIGN_REPOSITORY')),
  };
}

function repositoryOf(text: string | undefined): RepositoryName {
  if (text === undefined)
    throw bad(
      'Nothing says which repository to list: input repository is empty.',
      'Write `sign-image inventory registry.example.com/acme/app`.',
    );
  const { registry, repository, tag, digest } = parseReference(text, 'repository');
  if (tag === undefined && digest === undefined) return { registry, repository };
  throw bad(
    'Input repository names one image, and an inventory lists all of a repository.',
    'Leave the tag and the digest out: `registry.example.com/acme/app`.',
  );
}

function bad(message: string, fix: string): Failure {
  return new Failure('bad-input', message, fix);
}
