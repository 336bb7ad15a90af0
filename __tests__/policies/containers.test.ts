// OpenShift's policies and the policy.json of podman, skopeo and CRI-O: what they say of an image,
// and of whom its signatures must be.
import { sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../src/image/digest.ts';
import { parseDigest } from '../../src/image/digest.ts';
import { evaluate } from '../../src/signature/evaluation.ts';
import type { FoundSignature } from '../../src/signature/found.ts';
import { judge } from '../../src/signature/judge.ts';
import { makePayload } from '../../src/signature/simple-signing.ts';
import { recordedCase, recordedKey } from '../signature/fixtures.ts';
import { digest, image, makeKey, makePair, read, refused, told } from './tools.ts';

const pair = makePair();
const key = makeKey(pair.publicPem);
const other = makeKey();
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** What the gate says of an image that `key` has signed under the name `claimed`. */
function gate(
  text: string,
  reference: string,
  claimed: string,
): { verified: boolean; reason?: string } {
  const written = image(reference);
  const subject: Digest = written.digest ?? parseDigest(digest);
  const payload = makePayload({ dockerReference: claimed, digest: subject, annotations: {} });
  const signature = sign('sha256', payload, pair.privatePem).toString('base64');
  const found: FoundSignature = {
    format: 'legacy',
    digest: subject,
    reference,
    payload,
    annotations: { 'dev.cosignproject.cosign/signature': signature },
  };
  const requirement = read(text).requirementFor({ ...written, digest: subject });
  const { verified, reason } = evaluate(requirement, (policy) => [
    judge(found, subject, policy, undefined as never),
  ]);
  return reason === undefined ? { verified } : { verified, reason };
}

interface OpenShift {
  readonly scopes?: readonly string[];
  readonly identity?: object;
  readonly kind?: string;
  readonly namespace?: string;
  readonly pem?: string;
  readonly name?: string;
}

function openShift(change: OpenShift = {}): string {
  const signedIdentity = change.identity ?? { matchPolicy: 'MatchRepository' };
  return JSON.stringify({
    apiVersion: 'config.openshift.io/v1',
    kind: change.kind ?? 'ClusterImagePolicy',
    metadata: {
      name: change.name ?? 'signed',
      ...(change.namespace && { namespace: change.namespace }),
    },
    spec: {
      scopes: change.scopes ?? ['ghcr.io/acme'],
      policy: {
        rootOfTrust: {
          policyType: 'PublicKey',
          publicKey: { keyData: base64(change.pem ?? key.pem) },
        },
        signedIdentity,
      },
    },
  });
}

const list = (...documents: readonly string[]) =>
  `{"apiVersion": "v1", "kind": "List", "items": [${documents.join(',')}]}`;

/** A policy.json: what its scopes ask for, in the transport `docker`. */
function podman(
  docker: Readonly<Record<string, unknown>>,
  byDefault: unknown = [{ type: 'reject' }],
) {
  return JSON.stringify({ default: byDefault, transports: { docker } }, null, 1);
}

const byKey = (change: object = {}) => ({
  type: 'sigstoreSigned',
  keyData: base64(key.pem),
  signedIdentity: { type: 'matchRepository' },
  ...change,
});
const exactly = `ghcr.io/acme/app@${digest}`;

describe.each([
  ['an OpenShift policy', openShift()],
  ['a policy.json', podman({ 'ghcr.io/acme': [byKey()] })],
])('%s', (_, text) => {
  it('takes a signature by the key that names the repository', () => {
    expect(gate(text, exactly, 'ghcr.io/acme/app')).toEqual({ verified: true });
    expect(gate(text, 'ghcr.io/acme/team/app:1', 'ghcr.io/acme/team/app:2')).toEqual({
      verified: true,
    });
  });

  it('refuses one that was copied from another repository', () => {
    expect(gate(text, exactly, 'ghcr.io/acme/other')).toMatchObject({
      verified: false,
      reason: expect.stringContaining(
        'It calls the image "ghcr.io/acme/other"; expected is ghcr.io/acme/app.',
      ),
    });
  });

  it('refuses the signature of somebody else, and none', () => {
    const stranger = text.replace(base64(key.pem), base64(other.pem));
    expect(gate(stranger, exactly, 'ghcr.io/acme/app')).toMatchObject({ verified: false });
    expect(evaluate(read(text).requirementFor(image(exactly)), () => [])).toMatchObject({
      verified: false,
      code: 'unsigned',
    });
  });

  it('does not see bundles, as its readers do not', () => {
    const recorded = recordedCase('keyed-bundle-nolog');
    const pem = recordedKey('release.pub').export({ type: 'spki', format: 'pem' }).toString();
    const requirement = read(text.replace(base64(key.pem), base64(pem))).requirementFor({
      ...image('ghcr.io/acme/app:1'),
      digest: recorded.digest,
    });
    const outcome = evaluate(requirement, (policy) =>
      recorded
        .signaturesOf(recorded.digest)
        .map((found) => judge(found, recorded.digest, policy, undefined as never)),
    );
    expect(outcome).toMatchObject({
      verified: false,
      code: 'not-allowed',
      reason: expect.stringContaining('read only the legacy format'),
    });
  });
});

describe('scopes', () => {
  const speaks = (scope: string, reference: string) =>
    read(openShift({ scopes: [scope] })).requirementFor(image(reference)).kind === 'count';

  it.each([
    ['ghcr.io', 'ghcr.io/acme/app:1'],
    ['ghcr.io/acme', 'ghcr.io/acme/app:1'],
    ['ghcr.io/acme/app', 'ghcr.io/acme/app'],
    ['ghcr.io/acme/app:1', 'ghcr.io/acme/app:1'],
    ['ghcr.io/acme/app:latest', 'ghcr.io/acme/app'],
    [exactly, exactly],
    ['docker.io/library/nginx', 'nginx:1'],
    ['127.0.0.1:5000', '127.0.0.1:5000/a:1'],
    ['*.acme.example', 'registry.acme.example:5000/a:1'],
    ['*.acme.example', 'a.b.acme.example/a:1'],
  ])('%s has %s', (scope, reference) => expect(speaks(scope, reference)).toBe(true));

  it.each([
    ['ghcr.io/acme/app', 'ghcr.io/acme/appx:1'],
    ['ghcr.io/acme/app:1', 'ghcr.io/acme/app:2'],
    ['ghcr.io/acme/app:1', `ghcr.io/acme/app:1@${digest}`],
    ['ghcr.io/acme', 'ghcr.io:5000/acme/app:1'],
    ['nginx', 'nginx:1'],
    ['*.acme.example', 'acme.example/a:1'],
    ['*.acme.example', 'xacme.example/a:1'],
  ])('%s has not %s', (scope, reference) => expect(speaks(scope, reference)).toBe(false));

  it.each(['ghcr.io/*', 'a*.example.com', '*', 'ghcr.io/acme/'])('%s is none', (scope) => {
    expect(refused(openShift({ scopes: [scope] }))).toContain('is not a scope');
    expect(refused(podman({ [scope]: [byKey()] }))).toContain('is not a scope');
  });
});

describe('several OpenShift policies', () => {
  it('compete: the longest scope decides, with all that name it', () => {
    const text = list(
      openShift({ name: 'all', scopes: ['ghcr.io'] }),
      openShift({ name: 'one', scopes: ['ghcr.io/acme/app'] }),
      openShift({ name: 'two', scopes: ['quay.io', 'ghcr.io/acme/app'] }),
    );
    expect(told(read(text).requirementFor(image('ghcr.io/acme/app:1')))).toMatchObject({
      count: 2,
      of: [
        { name: 'OpenShift ClusterImagePolicy one' },
        { name: 'OpenShift ClusterImagePolicy two' },
      ],
    });
    expect(told(read(text).requirementFor(image('ghcr.io/acme/b:1')))).toMatchObject({
      name: 'OpenShift ClusterImagePolicy all',
    });
  });

  it('of a namespace say nothing below a scope of the cluster, and add to it elsewhere', () => {
    const mine = { kind: 'ImagePolicy', namespace: 'shop' };
    const text = list(
      openShift({ name: 'cluster', scopes: ['ghcr.io/acme'] }),
      openShift({ ...mine, name: 'below', scopes: ['ghcr.io/acme/app'] }),
      openShift({ ...mine, name: 'above', scopes: ['ghcr.io', 'quay.io'] }),
    );
    const names = (reference: string) =>
      JSON.stringify(told(read(text).requirementFor(image(reference)))).match(/Policy \w+"/g);
    expect(names('ghcr.io/acme/app:1')).toEqual(['Policy cluster"']);
    expect(names('quay.io/a:1')).toEqual(['Policy above"']);
  });
});

describe('a policy.json', () => {
  const text = podman(
    {
      'ghcr.io': [{ type: 'reject' }],
      'ghcr.io/acme': [byKey({ keyData: base64(other.pem) })],
      'ghcr.io/acme/app': [byKey()],
      '': [{ type: 'insecureAcceptAnything' }],
    },
    [byKey(), { type: 'reject' }],
  );

  it('is read by its most specific scope, then the default of docker', () => {
    const asked = (reference: string) => told(read(text).requirementFor(image(reference)));
    expect(asked('ghcr.io/acme/app:1')).toMatchObject({ of: [{ signers: [key.id] }] });
    expect(asked('ghcr.io/acme/b:1')).toMatchObject({ of: [{ signers: [other.id] }] });
    expect(asked('ghcr.io/b:1')).toMatchObject({
      of: [{ fail: expect.stringContaining('reject') }],
    });
    expect(asked('quay.io/b:1')).toMatchObject({ of: [{ pass: expect.any(String) }] });
    expect(
      told(read(podman({}, [byKey(), { type: 'reject' }])).requirementFor(image('a:1'))),
    ).toMatchObject({
      of: [{ count: 2, of: [{ signers: [key.id] }, { fail: expect.any(String) }] }],
    });
  });

  it('says loudly what it lets pass', () => {
    const line = text.split('\n').findIndex((one) => one.includes('insecureAccept')) + 1;
    expect(read(text).notes).toMatchObject([
      { loud: true, line, text: expect.stringContaining('pass without any signature') },
    ]);
  });

  it('of a person asks for the log', () => {
    const person = {
      fulcio: {
        caData: base64('x'),
        oidcIssuer: 'https://accounts.google.com',
        subjectEmail: 'a@acme.com',
      },
      rekorPublicKeyData: 'y',
      keyData: undefined,
    };
    expect(
      told(read(podman({ 'ghcr.io': [byKey(person)] }), true).requirementFor(image('ghcr.io/a:1'))),
    ).toMatchObject({
      of: [
        {
          tlog: 'required',
          signers: [{ who: ['a@acme.com'], by: ['https://accounts.google.com'] }],
        },
      ],
    });
    expect(refused(podman({ 'ghcr.io': [byKey(person)] }))).toContain('root of trust of its own');
    expect(
      refused(podman({ 'ghcr.io': [byKey({ ...person, rekorPublicKeyData: undefined })] }), true),
    ).toContain('stands without a key of the log');
  });

  it('takes any of several keys, also from files', () => {
    const several = podman({
      'ghcr.io': [byKey({ keyData: undefined, keyPaths: ['/a.pub', 'b.pub'] })],
    });
    const opened = new Map([
      ['/a.pub', [key.object]],
      ['b.pub', [other.object]],
    ]);
    expect(told(read(several, false, opened).requirementFor(image('ghcr.io/a:1')))).toMatchObject({
      of: [{ signers: [key.id, other.id] }],
    });
    expect(
      told(
        read(
          podman({
            'ghcr.io': [
              byKey({ keyData: undefined, keyDatas: [base64(key.pem), base64(other.pem)] }),
            ],
          }),
        ).requirementFor(image('ghcr.io/a:1')),
      ),
    ).toMatchObject({ of: [{ signers: [key.id, other.id] }] });
  });

  it('leaves other transports alone, and refuses what GPG must have signed', () => {
    const gpg = [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/etc/pki/a' }];
    const both = podman({ 'registry.redhat.io': gpg, 'ghcr.io/acme': [byKey()] });
    expect(told(read(both).requirementFor(image('registry.redhat.io/a:1')))).toMatchObject({
      of: [{ fail: expect.stringContaining('signature by GPG') }],
    });
    expect(gate(both, exactly, 'ghcr.io/acme/app')).toEqual({ verified: true });
    expect(refused(podman({ 'ghcr.io': gpg }))).toContain('.type` is signedBy');
    const daemon = JSON.stringify({
      default: [{ type: 'reject' }],
      transports: { 'docker-daemon': { '': [{ type: 'insecureAcceptAnything' }] } },
    });
    expect(read(daemon).notes).toEqual([]);
    expect(read(daemon).requirementFor(image('a:1'))).toMatchObject({ of: [{ kind: 'fail' }] });
  });

  it.each<[string, string, string]>([
    ['no default', '{"transports": {}}', 'has no `apiVersion`'],
    ['an empty default', '{"default": []}', '`default` must be a list with a requirement'],
    ['another requirement', podman({ a: [{ type: 'signedByMe' }] }), '.type` is no requirement'],
    ['an unknown field', podman({ a: [byKey({ keydata: 'x' })] }), '.keydata` is not a field'],
    [
      'an unknown field beside it',
      '{"default": [{"type": "reject"}], "Transports": {}}',
      '`Transports` is not a field',
    ],
    [
      'a key twice',
      '{"default": [{"type": "reject"}], "default": []}',
      'has the key `default` in one map twice',
    ],
    ['two keys', podman({ a: [byKey({ keyPath: 'x' })] }), 'must have one of'],
    ['no key', podman({ a: [{ type: 'sigstoreSigned' }] }), 'must have one of'],
    ['no base64', podman({ a: [byKey({ keyData: '-----BEGIN' })] }), 'is not base64'],
    ['an identity without a type', podman({ a: [byKey({ signedIdentity: {} })] }), 'has no `type`'],
    ['another identity', podman({ a: [byKey({ signedIdentity: { type: 'any' } })] }), 'is "any"'],
  ])('is refused for %s', (_, wrong, problem) => expect(refused(wrong)).toContain(problem));
});

describe('the identity in a signature', () => {
  const by = (identity: object | undefined) =>
    podman({ 'ghcr.io': [byKey({ signedIdentity: identity })] });
  const tagged = 'ghcr.io/acme/app:1';

  it.each<[string, object | undefined, string, string, boolean]>([
    ['the same repository', { type: 'matchRepository' }, tagged, 'ghcr.io/acme/app', true],
    ['another tag', { type: 'matchRepository' }, tagged, 'ghcr.io/acme/app:2', true],
    ['the same tag', { type: 'matchExact' }, tagged, tagged, true],
    ['another tag', { type: 'matchExact' }, tagged, 'ghcr.io/acme/app:2', false],
    ['no tag', { type: 'matchExact' }, tagged, 'ghcr.io/acme/app', false],
    ['a tag, pulled by digest', { type: 'matchExact' }, exactly, tagged, false],
    ['the same tag', undefined, tagged, tagged, true],
    ['another tag', undefined, tagged, 'ghcr.io/acme/app:2', false],
    ['no tag', undefined, tagged, 'ghcr.io/acme/app', false],
    ['a tag, pulled by digest', undefined, exactly, tagged, true],
    ['no tag, pulled by digest', undefined, exactly, 'ghcr.io/acme/app', false],
    [
      'this repository',
      { type: 'exactRepository', dockerRepository: 'quay.io/a/b' },
      tagged,
      'quay.io/a/b',
      true,
    ],
    [
      'another one',
      { type: 'exactRepository', dockerRepository: 'quay.io/a/b' },
      tagged,
      'ghcr.io/acme/app',
      false,
    ],
    [
      'this name',
      { type: 'exactReference', dockerReference: 'quay.io/a/b:1' },
      tagged,
      'quay.io/a/b:1',
      true,
    ],
    [
      'another tag',
      { type: 'exactReference', dockerReference: 'quay.io/a/b:1' },
      tagged,
      'quay.io/a/b:2',
      false,
    ],
    [
      'a mirror',
      { type: 'remapIdentity', prefix: 'ghcr.io', signedPrefix: 'quay.io/x' },
      tagged,
      'quay.io/x/acme/app:1',
      true,
    ],
    [
      'itself',
      { type: 'remapIdentity', prefix: 'ghcr.io', signedPrefix: 'quay.io/x' },
      tagged,
      tagged,
      false,
    ],
    [
      'outside of the mirror',
      { type: 'remapIdentity', prefix: 'ghcr.io/ac', signedPrefix: 'quay.io/x' },
      tagged,
      tagged,
      true,
    ],
    ['text that is no name', { type: 'matchRepository' }, tagged, 'ghcr.io/acme/APP', false],
    ['nothing', { type: 'matchRepository' }, tagged, '', false],
  ])('%s, by %j', (_, identity, reference, claimed, verified) => {
    expect(gate(by(identity), reference, claimed)).toMatchObject({ verified });
  });

  it('of Docker Hub has two names', () => {
    const text = podman({ 'docker.io': [byKey()] });
    for (const claimed of ['index.docker.io/library/nginx', 'docker.io/library/nginx', 'nginx'])
      expect(gate(text, 'nginx:1', claimed)).toEqual({ verified: true });
  });

  it('that no signature of cosign has is told', () => {
    for (const text of [
      by(undefined),
      openShift({ identity: { matchPolicy: 'MatchRepoDigestOrExact' } }),
    ])
      expect(read(text).notes).toMatchObject([
        { text: expect.stringContaining('matchRepository does') },
      ]);
  });
});

describe('an OpenShift policy is refused for', () => {
  it.each<[string, (text: string) => string, string]>([
    [
      'certificates of one’s own',
      (text) => text.replace('"PublicKey"', '"PKI"'),
      'does not go with its `policyType`',
    ],
    [
      'another root',
      (text) => text.replace('"PublicKey"', '"FulcioCAWithRekor"'),
      'does not go with its `policyType`',
    ],
    ['no scope', (text) => text.replace('"ghcr.io/acme"', ''), 'names no image'],
    [
      'a version that is not known',
      (text) => text.replace('/v1"', '/v1alpha1"'),
      'is a ClusterImagePolicy of config.openshift.io/v1alpha1, which is not read here',
    ],
    [
      'fields of sigstore’s kind',
      (text) => text.replace('"scopes"', '"images"'),
      "`spec.images` is a field of sigstore's",
    ],
    [
      'a repository with a tag',
      (text) =>
        text.replace(
          '{"matchPolicy":"MatchRepository"}',
          '{"matchPolicy":"ExactRepository","exactRepository":{"repository":"ghcr.io/a:1"}}',
        ),
      'has a tag or a digest',
    ],
  ])('%s', (_, change, problem) => expect(refused(change(openShift()))).toContain(problem));
});
