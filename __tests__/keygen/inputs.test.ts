import { describe, expect, it } from 'vitest';
import { createMasker } from '../../src/edges/action/masker.ts';
import { type KeygenInputs, readKeygenInputs } from '../../src/edges/inputs/keygen.ts';
import { failureOf } from '../keys/samples.ts';

function read(inputs: Record<string, string>, masked: string[] = []): KeygenInputs {
  const given: Record<string, string> = {
    'github-token': 'ghs_token',
    repository: 'acme/app',
    ...inputs,
  };
  const get = (name: string) => {
    return given[name] ?? '';
  };
  const source = { get, env: { GITHUB_REPOSITORY: 'acme/other' } };
  return readKeygenInputs(
    createMasker(
      () => [],
      (text) => void masked.push(text),
    ),
    source,
  );
}

const names = {
  privateKey: 'COSIGN_PRIVATE_KEY',
  password: 'COSIGN_PASSWORD',
  publicKey: 'COSIGN_PUBLIC_KEY',
};
const base = { githubToken: 'ghs_token', names, overwrite: false };
const repository = { kind: 'repository', owner: 'acme', repo: 'app' };

describe('the inputs of keygen', () => {
  it.each<[object, object]>([
    [{}, { ...base, place: repository }],
    [{ repository: '' }, { ...base, place: { ...repository, repo: 'other' } }],
    [
      { environment: 'release to prod' },
      { ...base, place: { ...repository, kind: 'environment', environment: 'release to prod' } },
    ],
    [
      { organization: 'acme-corp' },
      { ...base, place: { ...repository, kind: 'organization', organization: 'acme-corp' } },
    ],
    [
      { 'secret-prefix': 'release_' },
      {
        ...base,
        place: repository,
        names: {
          privateKey: 'RELEASE_PRIVATE_KEY',
          password: 'RELEASE_PASSWORD',
          publicKey: 'RELEASE_PUBLIC_KEY',
        },
      },
    ],
    [
      { password: 'a long password \n', overwrite: 'true', 'public-key-file': 'k/c.pub' },
      {
        ...base,
        place: repository,
        password: 'a long password ',
        overwrite: true,
        publicKeyFile: 'k/c.pub',
      },
    ],
  ])('%j', (inputs, wanted) => {
    expect(read(inputs as Record<string, string>)).toEqual(wanted);
  });

  it.each<[Record<string, string>, string]>([
    [{ 'github-token': '' }, 'github-token is empty'],
    [{ repository: 'acme' }, 'Input repository'],
    [{ repository: 'acme/..' }, 'Input repository'],
    [{ environment: 'e', organization: 'o' }, 'Both environment and organization'],
    [{ organization: 'a/b' }, 'Input organization'],
    [{ 'secret-prefix': 'GITHUB_X' }, 'Input secret-prefix'],
    [{ 'secret-prefix': '1A' }, 'Input secret-prefix'],
    [{ 'secret-prefix': 'A B' }, 'Input secret-prefix'],
    [{ password: 'short' }, 'fewer than 12'],
    [{ overwrite: 'yes' }, 'Input overwrite'],
  ])('%j is refused', async (inputs, words) => {
    const failure = await failureOf(() => read(inputs));
    expect([failure.code, failure.message.includes(words)]).toEqual(['bad-input', true]);
  });

  it('mask what is secret', () => {
    const masked: string[] = [];
    read({ password: 'a long password' }, masked);
    expect(masked).toEqual(['ghs_token', 'a long password']);
  });
});
