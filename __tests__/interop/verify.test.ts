// What real cosign 2, cosign 3 and skopeo sign today, our gate verifies; the same with another key,
// identity, issuer or annotation it refuses. Beside each answer stands that of `cosign verify`; the
// table is printed at the end.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pushImage } from '../sandbox/images.ts';
import { cosign2, cosign3, need, startDockerRegistry, temporaryFolder } from './peers.ts';
import { type Asked, Comparison, type Question } from './verify-comparison.ts';
import {
  accepted,
  identityToken,
  keyedSigners,
  loggedSigners,
  makeKey,
  skopeoSign,
} from './verify-signing.ts';

const comparison = new Comparison();
const keys = new Map<string, string>();
let folder: string;
let cleanUp: () => Promise<void>;
let docker: { host: string; stop: () => void };

beforeAll(async () => {
  ({ folder, remove: cleanUp } = await temporaryFolder());
  await mkdir(join(folder, 'registries.d'));
  docker = await startDockerRegistry(folder);
  keys.set('key of cosign 2', await makeKey(folder, 'two', 'generated', cosign2));
  keys.set('key of cosign 3', await makeKey(folder, 'three', 'generated', cosign3));
  keys.set('RSA key', await makeKey(folder, 'rsa', 'RSA, imported', cosign3));
  keys.set('stranger', await makeKey(folder, 'stranger', 'generated', cosign3));
});
afterAll(async () => {
  comparison.print('signed by');
  docker?.stop();
  await cleanUp?.();
});

const hosts: Readonly<Record<string, () => string>> = {
  'docker-registry 2.8': () => docker.host,
  'referrers API': () => need('REGISTRY_REFERRERS'),
  'no referrers API': () => need('REGISTRY_TAGS'),
};
const keyFile = (name: string) => keys.get(name) as string;
let count = 0;
const push = (registry: string, platforms = 0) =>
  pushImage((hosts[registry] as () => string)(), `interop/gate-${process.pid}-${count++}`, {
    seed: count,
    tag: 'signed',
    platforms,
  });

type Variant = readonly [asking: string, change: Partial<Question>, expected: string];

/**
 * Puts the good question and its variants; cosign 2 is asked where the signature is one that it
 * sees.
 */
async function askAll(
  asked: Pick<Asked, 'about' | 'registry' | 'reference'>,
  good: Question,
  variants: readonly Variant[],
): Promise<void> {
  const log =
    good.key === undefined || good.tlog !== 'ignore' ? ['--rekor-url', need('REKOR_URL')] : [];
  const two =
    asked.about.includes('legacy') || asked.about.startsWith('skopeo') ? { cosign2: log } : {};
  for (const [asking, change, expected] of [['as signed', {}, 'verified'] as const, ...variants])
    await comparison.ask({ ...asked, ...two, asking, question: { ...good, ...change }, expected });
}

const note = 'Grüße, <Welt> & "mehr"';
const annotate = ['-a', 'team=red', '-a', `"note=${note.replaceAll('"', '""')}"`];
const keyedVariants = (): readonly Variant[] => [
  ['its annotations', { annotations: { team: 'red', note } }, 'verified'],
  ['another key', { key: `${keyFile('stranger')}.pub` }, 'wrong-key'],
  ['another annotation', { annotations: { team: 'blue' } }, 'annotation-mismatch'],
  ['a missing annotation', { annotations: { approved: 'yes' } }, 'annotation-mismatch'],
];

const keyedCases = Object.keys(keyedSigners).flatMap((signer) => [
  ...['key of cosign 2', 'key of cosign 3', 'RSA key'].map(
    (key) => [signer, key, 'docker-registry 2.8'] as const,
  ),
  ...['referrers API', 'no referrers API'].map(
    (registry) => [signer, 'key of cosign 3', registry] as const,
  ),
]);

describe('signed with a key', () => {
  it.each(keyedCases)('by %s, %s, in %s', async (signer, key, registry) => {
    const { reference } = await push(registry);
    await accepted(
      keyedSigners[signer]?.(keyFile(key), reference, annotate) as ReturnType<typeof cosign3>,
    );
    const about = `${signer}, ${key}`;
    await askAll({ about, registry, reference }, { key: `${keyFile(key)}.pub`, tlog: 'ignore' }, [
      ...keyedVariants(),
      ['a log entry', { tlog: 'required', trustedRoot: need('TRUSTED_ROOT') }, 'no-log-entry'],
    ]);
  });

  it.each(Object.keys(loggedSigners))('by %s', async (signer) => {
    const { reference } = await push('docker-registry 2.8');
    const { sign, ignore, timestamp } = loggedSigners[signer] as (typeof loggedSigners)[string];
    await accepted(sign(reference, ['--key', `${keyFile('key of cosign 3')}.key`, ...annotate]));
    const good: Question = {
      key: `${keyFile('key of cosign 3')}.pub`,
      tlog: ignore ? 'ignore' : 'required',
      trustedRoot: need('TRUSTED_ROOT'),
      timestamp: timestamp ?? false,
    };
    await askAll(
      { about: `${signer}, key`, registry: 'docker-registry 2.8', reference },
      good,
      keyedVariants(),
    );
  });
});

describe.each(['referrers API', 'no referrers API'])(
  'signed by a workflow, in a registry with %s',
  (registry) => {
    it.each(Object.keys(loggedSigners))('by %s', async (signer) => {
      const { reference } = await push(registry);
      const { sign, ignore, timestamp } = loggedSigners[signer] as (typeof loggedSigners)[string];
      await accepted(sign(reference, [...(await identityToken()), ...annotate]));
      const identity = need('CERTIFICATE_IDENTITY');
      const good: Question = {
        identity,
        issuer: need('CERTIFICATE_OIDC_ISSUER'),
        tlog: ignore ? 'ignore' : 'required',
        trustedRoot: need('TRUSTED_ROOT'),
        timestamp: timestamp ?? false,
      };
      await askAll({ about: `${signer}, keyless`, registry, reference }, good, [
        ['its annotations', { annotations: { team: 'red', note } }, 'verified'],
        [
          'another identity',
          { identity: identity.replace('@refs/heads/', '@refs/heads/not-') },
          'wrong-identity',
        ],
        ['a part of the identity', { identity: identity.slice(0, -1) }, 'wrong-identity'],
        [
          'another issuer',
          { issuer: 'https://token.actions.githubusercontent.com' },
          'wrong-issuer',
        ],
        ['another annotation', { annotations: { team: 'blue' } }, 'annotation-mismatch'],
        ...(ignore ? [['a log entry', { tlog: 'required' }, 'no-log-entry'] as const] : []),
      ]);
    });
  },
);

it('signed by a workflow, and asked for more loosely than is safe', async () => {
  const registry = 'docker-registry 2.8';
  const { reference } = await push(registry);
  await accepted(
    loggedSigners['cosign 3, bundle, Rekor v1']?.sign(
      reference,
      await identityToken(),
    ) as ReturnType<typeof cosign3>,
  );
  const [identity, issuer, trustedRoot] = [
    need('CERTIFICATE_IDENTITY'),
    need('CERTIFICATE_OIDC_ISSUER'),
    need('TRUSTED_ROOT'),
  ];
  const whole = identity.replace(/[.?+]/g, '\\$&');
  await askAll(
    { about: 'a keyless bundle', registry, reference },
    { identity, issuer, trustedRoot },
    [
      ['a pattern for the identity', { pattern: whole.replace(/@.*/, '@.*') }, 'verified'],
      ['a pattern for a part of the identity', { pattern: whole.slice(8, -4) }, 'wrong-identity'],
      ['no log, and nothing else that proves the time', { tlog: 'ignore' }, 'no-timestamp'],
    ],
  );
});

describe.each(['cosign 3, bundle', 'cosign 2, legacy'])('an index, signed by %s', (signer) => {
  const format = signer.split(', ')[1];
  const key = () => ({ key: `${keyFile('key of cosign 3')}.pub`, tlog: 'ignore' }) as const;

  it('with its platforms', async () => {
    const { reference } = await push('docker-registry 2.8', 2);
    await accepted(
      keyedSigners[signer]?.(keyFile('key of cosign 3'), reference, ['--recursive']) as ReturnType<
        typeof cosign3
      >,
    );
    await askAll(
      { about: `index and platforms, ${format}`, registry: 'docker-registry 2.8', reference },
      { ...key(), recursive: true },
      [['another key', { key: `${keyFile('stranger')}.pub` }, 'wrong-key']],
    );
  });

  it('alone', async () => {
    const { reference } = await push('docker-registry 2.8', 2);
    await accepted(
      keyedSigners[signer]?.(keyFile('key of cosign 3'), reference) as ReturnType<typeof cosign3>,
    );
    await askAll(
      { about: `index alone, ${format}`, registry: 'docker-registry 2.8', reference },
      key(),
      [['platforms too', { recursive: true }, 'unsigned']],
    );
  });
});

it.each(['docker-registry 2.8', 'referrers API'])('signed by skopeo, in %s', async (registry) => {
  const { digest, reference, tagged = '' } = await push(registry);
  await skopeoSign(folder, keyFile('key of cosign 3'), tagged);
  expect(reference).toContain(digest);
  await askAll(
    { about: 'skopeo', registry, reference },
    { key: `${keyFile('key of cosign 3')}.pub`, tlog: 'ignore' },
    [
      ['another key', { key: `${keyFile('stranger')}.pub` }, 'wrong-key'],
      ['an annotation', { annotations: { team: 'red' } }, 'annotation-mismatch'],
    ],
  );
});

it('has seen every documented difference', () => {
  expect(
    comparison.unseen(['a keyless bundle', 'index alone, bundle', 'index alone, legacy']),
  ).toEqual([]);
});
