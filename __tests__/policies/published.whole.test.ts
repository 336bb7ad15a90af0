// Policy documents in the shapes that people publish, through the action as it ships: which images
// each accepts and refuses, and what it says where it is not read. `published/cases.json` lists them;
// `@NAMES@` in the documents stand for the keys, identities and hosts of this run.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { startKubernetes } from '../sandbox/kms/kubernetes.ts';
import { startVault } from '../sandbox/kms/vault.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { type RunResult, runAction } from '../sandbox/runner.ts';
import { type Sigstore, startSigstore } from '../sandbox/sigstore/sigstore.ts';
import { makePair } from './tools.ts';

interface PublishedCase {
  readonly file: string;
  readonly about: string;
  readonly name?: string;
  /** the input, where it is more than the file */
  readonly policy?: string;
  readonly env?: 'vault' | 'kubernetes';
  readonly accepts?: readonly string[];
  readonly refuses?: readonly string[];
  /** refused, and it is said that no policy speaks of the image */
  readonly unmatched?: readonly string[];
  readonly error?: {
    readonly fields: readonly string[];
    readonly line?: string;
    readonly says?: string;
  };
  /** refused or an error */
  readonly never?: readonly string[];
  /** `accepts` may be an error that says this */
  readonly rightOrError?: string;
  /** refused, an error, or accepted with `note` */
  readonly notSilent?: readonly string[];
  readonly note?: string;
  /** accepted with a warning, and no signature is called verified */
  readonly loud?: readonly string[];
  readonly says?: string;
}

const folder = join(import.meta.dirname, 'published');
const cases = JSON.parse(
  readFileSync(join(folder, 'cases.json'), 'utf8'),
) as readonly PublishedCase[];

const second = makePair();
const workflow = 'octo-org/octo-repo/.github/workflows';
let registry: SandboxRegistry;
let sigstore: Sigstore;
let vault: Awaited<ReturnType<typeof startVault>>;
let kubernetes: Awaited<ReturnType<typeof startKubernetes>>;
let keyA = '';
const images: Record<string, string> = {};
let documents: Readonly<Record<string, string>> = {};

beforeAll(async () => {
  [registry, sigstore, vault] = await Promise.all([
    startRegistry({ referrersApi: true }),
    startSigstore(),
    startVault(),
  ]);
  keyA = vault.publicKey(1).export({ type: 'spki', format: 'pem' }).toString();
  kubernetes = await startKubernetes({ secrets: { 'build/cosign': { 'cosign.pub': keyA } } });
  documents = Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'cases.json')
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [relative(folder, path), filled(readFileSync(path, 'utf8'))]),
  );
  await signAll();
});
afterAll(async () => {
  await Promise.all([registry.close(), sigstore.close()]);
  await Promise.all([vault, kubernetes].map((each) => each[Symbol.asyncDispose]()));
});

async function signAll(): Promise<void> {
  const a = { key: 'hashivault://release', tlog: 'false' };
  const b = { key: second.privatePem, tlog: 'false' };
  const logged = { 'signing-config': JSON.stringify(sigstore.signingConfig.v1), tlog: 'true' };
  const emailIssuer = sigstore.oidcUrl.replace('127.0.0.1', 'localhost');
  const as = async (claims: Record<string, string>, issuer = sigstore.oidcUrl) => ({
    ...logged,
    'identity-token': await tokenOf(issuer, claims),
  });
  const ran = (file: string, ref: string) =>
    as({
      job_workflow_ref: `${workflow}/${file}@${ref}`,
      workflow_ref: `${workflow}/${file}@${ref}`,
    });
  const table: readonly (readonly [string, string, readonly Record<string, string>[]])[] = [
    ['keyA', 'acme/app', [{ ...a, format: 'both' }]],
    ['keyB', 'acme/b', [b]],
    ['both', 'acme/ab', [a, b]],
    ['loggedA', 'acme/loga', [{ ...logged, key: a.key }]],
    ['loggedB', 'acme/loga-b', [{ ...logged, key: b.key }]],
    ['annotated', 'acme/ann', [{ ...a, annotations: 'env=prod' }]],
    ['deep', 'acme/team/deep', [a]],
    ['neighbour', 'acme/appx', [a]],
    ['elsewhere', 'other/app', [a]],
    ['workflow', 'acme/wf', [await ran('release.yml', 'refs/heads/main')]],
    ['otherWorkflow', 'acme/wf2', [await ran('dev.yml', 'refs/heads/dev')]],
    ['lookalike', 'acme/wf3', [await ran('releaseXyml', 'refs/heads/main')]],
    ['email', 'acme/mail', [await as({ email: 'robot@acme.example' }, emailIssuer)]],
    ['otherEmail', 'acme/mail2', [await as({ email: 'mallory@acme.example' }, emailIssuer)]],
    ['unsigned', 'acme/unsigned', []],
    ['elsewhereUnsigned', 'other/unsigned', []],
  ];
  for (const [name, repository, signings] of table) {
    const { digest } = await pushImage(registry.host, repository, { seed: name, tag: 'v1' });
    images[name] = `${registry.host}/${repository}@${digest}`;
    images[`${name}:tag`] = `${registry.host}/${repository}:v1`;
    for (const inputs of signings) {
      const run = await runAction({
        entry: 'dist/sign.js',
        inputs: {
          images: images[name],
          format: 'legacy',
          'trusted-root': JSON.stringify(sigstore.trustedRoot),
          ...inputs,
        },
        env: vault.env(),
      });
      expect(run.code, run.shown).toBe(0);
    }
  }
}

async function tokenOf(issuer: string, claims: Record<string, string>): Promise<string> {
  const url = new URL(sigstore.idTokenRequestUrl.replace(sigstore.oidcUrl, issuer));
  for (const [name, value] of Object.entries({ audience: 'sigstore', ...claims }))
    url.searchParams.set(name, value);
  const answer = await fetch(url, {
    headers: { authorization: `bearer ${sigstore.idTokenRequestToken}` },
  });
  return ((await answer.json()) as { value: string }).value;
}

/** A document of this run. A key alone on its line keeps the indentation of its name. */
function filled(text: string): string {
  const base64 = (value: string) => Buffer.from(value).toString('base64');
  const { certificateAuthorities, tlogs } = sigstore.trustedRoot as {
    readonly certificateAuthorities: readonly {
      readonly certChain: { readonly certificates: readonly { readonly rawBytes: string }[] };
    }[];
    readonly tlogs: readonly { readonly publicKey: { readonly rawBytes: string } }[];
  };
  const pem = (label: string, der: string) =>
    `-----BEGIN ${label}-----\n${der.match(/.{1,64}/g)?.join('\n')}\n-----END ${label}-----\n`;
  const authority = certificateAuthorities
    .flatMap(({ certChain }) => certChain.certificates)
    .map(({ rawBytes }) => pem('CERTIFICATE', rawBytes))
    .join('');
  const names: Readonly<Record<string, string>> = {
    REGISTRY: registry.host,
    ISSUER: sigstore.oidcUrl,
    ISSUER_PATTERN: sigstore.oidcUrl.replaceAll('.', '\\\\.'),
    IDENTITY: `https://github.com/${workflow}/release.yml@refs/heads/main`,
    EMAIL_ISSUER: sigstore.oidcUrl.replace('127.0.0.1', 'localhost'),
    REKOR: sigstore.rekorUrl,
    KEY_A: keyA,
    KEY_B: second.publicPem,
    KEY_LINE: 'no key at all',
    KEY_A_BASE64: base64(keyA),
    KEY_B_BASE64: base64(second.publicPem),
    FULCIO_CA_BASE64: base64(authority),
    REKOR_KEY_BASE64: base64(pem('PUBLIC KEY', tlogs[0]?.publicKey.rawBytes ?? '')),
  };
  return text
    .replace(/^( *)@(KEY_[AB])@$/gm, (_, indent: string, name: string) =>
      (names[name] ?? '').trimEnd().replace(/^/gm, indent),
    )
    .replace(/@([A-Z][A-Z0-9_]*)@/g, (all, name: string) => names[name] ?? all);
}

async function asked(each: PublishedCase, names: readonly string[]): Promise<RunResult> {
  const kubeconfig = { '.kube/config': kubernetes.kubeconfig() };
  return runAction({
    entry: 'dist/verify.js',
    workspace: { ...documents, 'keys/a.pub': keyA },
    inputs: {
      images: names.map((name) => images[name] ?? name).join('\n'),
      policy: each.policy ?? each.file,
      'trusted-root': JSON.stringify(sigstore.trustedRoot),
    },
    ...(each.env === 'vault' ? { env: vault.env() } : {}),
    ...(each.env === 'kubernetes' ? { home: kubeconfig } : {}),
  });
}

type Result = {
  readonly verified: boolean;
  readonly reason?: string;
  readonly signatures: readonly { readonly verified: boolean }[];
};
const resultsOf = ({ outputs }: RunResult) => JSON.parse(outputs.results || '[]') as Result[];
const errorsOf = ({ annotations }: RunResult) =>
  annotations.filter(({ kind }) => kind === 'error').map(({ message }) => message);
/** An image that is named by tag and by digest is one. */
const digestsOf = (names: readonly string[]) => [
  ...new Set(names.map((name) => name.replace(/:tag$/, ''))),
];
const isJudged = (run: RunResult, names: readonly string[]) =>
  resultsOf(run).length === digestsOf(names).length &&
  resultsOf(run).every(({ verified }) => !verified);

const checks: Readonly<
  Partial<
    Record<keyof PublishedCase, (each: PublishedCase, names: readonly string[]) => Promise<void>>
  >
> = {
  async accepts(each, names) {
    const run = await asked(each, names);
    if (each.rightOrError !== undefined && run.code !== 0) {
      expect(errorsOf(run).join('\n'), run.shown).toMatch(new RegExp(each.rightOrError));
      return;
    }
    expect(run, run.shown).toMatchObject({ code: 0, outputs: { verified: 'true' } });
    expect(resultsOf(run).map(({ verified }) => verified)).toEqual(
      digestsOf(names).map(() => true),
    );
  },
  async refuses(each, names) {
    const run = await asked(each, names);
    expect([run.code, isJudged(run, names)], run.shown).toEqual([1, true]);
    if (each.says !== undefined) expect(run.shown + run.summary).toMatch(new RegExp(each.says));
  },
  async unmatched(each, names) {
    const run = await asked(each, names);
    expect([run.code, isJudged(run, names)], run.shown).toEqual([1, true]);
    for (const { reason } of resultsOf(run)) expect(reason).toMatch(/No policy in .* speaks of/);
  },
  async never(each, names) {
    for (const name of names) {
      const run = await asked(each, [name]);
      expect([run.code, resultsOf(run).some(({ verified }) => verified)], run.shown).toEqual([
        1,
        false,
      ]);
    }
  },
  async notSilent(each, names) {
    const run = await asked(each, names);
    if (run.code !== 0) return;
    const told = run.annotations.filter(({ kind }) => kind !== 'error').map((one) => one.message);
    expect(told.join('\n')).toMatch(new RegExp(each.note ?? 'never'));
  },
  async loud(each, names) {
    const run = await asked(each, names);
    expect(run.code, run.shown).toBe(0);
    expect(run.annotations.filter(({ kind }) => kind === 'warning')).not.toEqual([]);
    const signatures = resultsOf(run).flatMap((result) => result.signatures);
    expect(signatures.filter(({ verified }) => verified)).toEqual([]);
  },
};

async function isRefused(each: PublishedCase): Promise<void> {
  const { fields = [], line, says } = each.error ?? {};
  const run = await asked(each, ['keyA']);
  const [error = ''] = errorsOf(run);
  expect([run.code, run.outputs.results ?? '[]'], run.shown).toEqual([1, '[]']);
  if (says !== undefined && fields.length === 0 && line === undefined)
    return expect(error).toMatch(new RegExp(says, 'i'));
  expect(error).toContain(each.file);
  for (const field of fields) expect(error).toContain(field);
  if (says !== undefined) expect(error).toMatch(new RegExp(says, 'i'));
  if (line === undefined) return;
  const lines = (documents[each.file] ?? '').split('\n');
  const at = lines.findIndex((text) => text.includes(line)) + 1;
  const named = Number(/line (\d+)/.exec(error)?.[1]);
  expect([at, at + 1, at + 2, at + 3], error).toContain(named);
}

describe.each(cases.map((each) => [each.name ?? each.file, each] as const))('%s', (_, each) => {
  if (each.error !== undefined) it(`is refused: ${each.about}`, () => isRefused(each));
  for (const [what, check] of Object.entries(checks)) {
    const names = each[what as keyof PublishedCase] as readonly string[] | undefined;
    if (names !== undefined)
      it(`${what} ${names.join(', ')}: ${each.about}`, () => check(each, names));
  }
});
