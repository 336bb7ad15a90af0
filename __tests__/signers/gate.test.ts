// What is asked where lists, policies and inputs speak of the same image.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/image/digest.ts';
import { parseReference } from '../../src/image/reference.ts';
import { readPolicies } from '../../src/policies/read.ts';
import { evaluate } from '../../src/signature/evaluation.ts';
import type { Requirement } from '../../src/signature/requirement.ts';
import type { Verdict, VerdictCode } from '../../src/signature/verdict.ts';
import { beside, published } from '../../src/signers/gate.ts';
import { openOwnLists } from '../../src/signers/own-lists.ts';

const { publicKey: key } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const image = (text: string) => ({ name: parseReference(text), references: [text] });
const ofInputs: Requirement = {
  kind: 'signature',
  policy: { signers: [{ key }], annotations: {}, tlog: 'required', fromInputs: true },
};
const ofPolicy: Requirement = { kind: 'pass', reason: 'It is let through.', name: 'mine' };
const silence: Requirement = { kind: 'fail', reason: 'Nobody speaks.', isSilence: true };

const known = await published([]);
const [node, distroless, stranger] = [
  'node:22',
  'gcr.io/distroless/static:latest',
  'ghcr.io/nobody/app',
].map(image) as [ReturnType<typeof image>, ReturnType<typeof image>, ReturnType<typeof image>];

/** How an image ends whose one signature is judged so by every policy. */
function end(requirement: Requirement, ...codes: VerdictCode[]): string {
  const digest = digestOf(Buffer.from('a'));
  const verdicts = codes.map(
    (code): Verdict => ({
      format: 'bundle',
      digest,
      reference: `r.test/app@${digest}`,
      annotations: {},
      verified: code === 'verified',
      code,
    }),
  );
  const { verified, code, isOpen } = evaluate(requirement, () => verdicts);
  return verified ? 'verified' : isOpen === true ? 'open' : (code ?? '');
}

describe('with known signers alone', () => {
  const asked = beside(() => silence, known);
  it.each([
    ['a publisher', distroless, 'signature'],
    ['one that is known as unsigned', node, 'open'],
    ['nobody', stranger, 'open'],
  ] as const)('the image of %s is %s', (_, asking, kind) => expect(asked(asking).kind).toBe(kind));
});

describe('an identity of one’s own', () => {
  const asked = beside(() => ofInputs, known);
  it('is enough for any image', () =>
    expect([node, distroless, stranger].map((one) => end(asked(one), 'verified'))).toEqual(
      Array(3).fill('verified'),
    ));

  it('fails an image of nobody that it has not signed, and leaves open what is known as unsigned', () =>
    expect([node, stranger].map((one) => end(asked(one)))).toEqual(['open', 'unsigned']));

  it('lets no registry that does not answer make an image one that is left open', () =>
    expect(end(asked(node), 'registry-error')).toBe('registry-error'));
});

describe('a policy', () => {
  it('that speaks has the last word, good or bad', () => {
    const refusing: Requirement = { kind: 'fail', reason: 'It is refused.', name: 'mine' };
    for (const said of [ofPolicy, refusing]) {
      const asked = beside(() => said, known);
      expect([node, distroless, stranger].map(asked)).toEqual([said, said, said]);
    }
  });

  it('that is silent leaves the image to its publisher', () => {
    const asked = beside(() => silence, known);
    expect([distroless, node, stranger].map((one) => asked(one).kind)).toEqual([
      'signature',
      'open',
      'open',
    ]);
  });
});

describe('a list of one’s own beside policies', () => {
  const text = `apiVersion: sign-image/v1
kind: KnownSigners
publisher: Acme
entries:
  - images: [ghcr.io/acme/*]
    signers:
      - identity: a@acme.example
        issuer: https://accounts.google.com
  - images: [ghcr.io/old/*]
    unsigned: They are old
`;
  const own = openOwnLists([
    { path: 'list.yaml', text },
    { path: 'policy.yaml', text: 'kind: ClusterPolicy' },
  ]);
  const kinds = (name: string, policies?: Requirement) => {
    const requirement = own.requirementFor(image(name), policies);
    return requirement.kind === 'count' ? `all ${requirement.count}` : requirement.kind;
  };

  it('is told apart from them', () =>
    expect(own.others.map(({ path }) => path)).toEqual(['policy.yaml']));

  it('must hold as well', () =>
    expect([
      kinds('ghcr.io/acme/app'),
      kinds('ghcr.io/acme/app', silence),
      kinds('ghcr.io/acme/app', ofPolicy),
    ]).toEqual(['signature', 'signature', 'all 2']));

  it('stands in a file of its own, and is not hidden', () => {
    const policy = 'apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\n';
    expect(() => openOwnLists([{ path: 'both.yaml', text: `${text}---\n${policy}` }])).toThrow(
      /both\.yaml, line 12: `apiVersion` is "policy/,
    );
    const hidden = [
      {
        path: 'h.yaml',
        text: text.replace('kind: K', 'kind: "\\x4b').replace('Signers', 'Signers"'),
      },
    ];
    expect(openOwnLists(hidden).others).toEqual(hidden);
    expect(() =>
      readPolicies(hidden, {
        readPublicKeys: () => expect.unreachable(),
        ownTrust: false,
        compilePattern: () => expect.unreachable(),
      }),
    ).toThrow(/is a list of signers that is not recognised/);
  });

  describe('beside which a line names other files', () => {
    const line = { entry: 'policies/*' };
    const read = (path: string, other: string, entry = line.entry) => {
      const { others } = openOwnLists([
        { path: 'list.yaml', text, ...line },
        { path, text: other, entry },
      ]);
      return readPolicies(others, {
        readPublicKeys: () => expect.unreachable(),
        ownTrust: false,
        compilePattern: () => expect.unreachable(),
      }).withKeys(new Map());
    };
    const kustomization = 'resources: [list.yaml]\n';

    it('needs no policy: a kustomization is noted', () =>
      expect(read('policies/kustomization.yaml', kustomization)).toMatchObject({
        rules: [],
        notes: [{ file: 'policies/kustomization.yaml' }],
      }));

    it('stands for no other line, and for no policy that is misspelt', () => {
      expect(() => read('b/kustomization.yaml', kustomization, 'b/*')).toThrow(
        'There is no policy about image signatures in b/kustomization.yaml',
      );
      expect(() =>
        read('policies/p.yaml', 'apiVersion: kyverno.io/v1\nkind: ClusterPolicies\n'),
      ).toThrow('which is not read here');
    });
  });

  it('that leaves an image open does not take it from a policy', () =>
    expect([kinds('ghcr.io/old/app', silence), kinds('ghcr.io/old/app', ofPolicy)]).toEqual([
      'open',
      'pass',
    ]));

  it('refuses what neither speaks of', () =>
    expect([kinds('ghcr.io/other/app'), kinds('ghcr.io/other/app', silence)]).toEqual([
      'fail',
      'fail',
    ]));
});
