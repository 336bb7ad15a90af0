// Every text of the builder, for every combination that can be chosen: GitHub takes the workflows,
// clusters take the policies, and the gate reads of them who must have signed.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { type Built, build, type Piece } from '../../site/builder/built.ts';
import {
  type Choice,
  type Chosen,
  combinations,
  start,
  tables,
} from '../../site/builder/choices.ts';
import { marked } from '../../site/builder/marks.ts';
import { signedBy } from '../../site/builder/policies.ts';
import { completed } from '../../site/builder/typed.ts';
import { Failure } from '../../src/failure.ts';
import { parseReference } from '../../src/image/reference.ts';
import type { KeyTools } from '../../src/keys/provider.ts';
import { loadReferencedSigner } from '../../src/keys/providers.ts';
import { readPolicies } from '../../src/policies/read.ts';
import { writePolicies } from '../../src/policies/write.ts';
import { matches } from '../../src/signature/policy.ts';
import { policiesOf } from '../../src/signature/requirement.ts';
import { checkPrivileges } from '../examples/privileges.ts';
import { checkWorkflow } from '../examples/workflow-check.ts';
import {
  callOf,
  type Interface,
  read,
  readWorkflow,
  root,
  type Workflow,
} from '../examples/workflow-file.ts';
import { tools as machineWith } from '../keys/kms/tools.ts';
import { problems, schemas } from '../policies/schema.ts';
import { image, makePair, tools } from '../policies/tools.ts';
import { everyThird } from '../sampled.ts';

const publicKey = makePair().publicPem;
const all: readonly Choice[] = combinations(Object.keys(tables) as (keyof Chosen)[]).map(
  (chosen) => ({ ...start, ...chosen, publicKey }),
);
const shown = (choice: Choice) => Object.keys(tables).map((name) => choice[name as keyof Chosen]);

function builtOf(choice: Choice): Built {
  const built = build(choice);
  if ('mistakes' in built) throw new Error(`${shown(choice)}: ${JSON.stringify(built.mistakes)}`);
  return built;
}

/** Each text once, with the first choice that has it. */
const texts = new Map<string, { readonly piece: Piece; readonly choice: Choice }>();
for (const choice of all)
  for (const piece of builtOf(choice).parts)
    if ('text' in piece && !texts.has(piece.text)) texts.set(piece.text, { piece, choice });

const pieces = (id: RegExp) =>
  [...texts.values()]
    .filter(({ piece }) => id.test(piece.id))
    .map(({ piece, choice }) => [`${piece.id} of ${shown(choice)}`, piece, choice] as const);

const known = {
  action: (path: string) => parse(read(path)) as Interface,
  call: (path: string) => callOf(readWorkflow(path)),
};

it('there is something for every value of every choice', () => {
  const values = Object.values(tables).flatMap((options) => options.map(({ value }) => value));
  for (const value of values) {
    const own = all.filter((choice) => (shown(choice) as string[]).includes(value));
    expect(own.length, value).toBeGreaterThan(0);
  }
  expect(pieces(/^workflow$/)).toHaveLength(10 * 6 * 2 * 3);
});

describe('a workflow', () => {
  it.each(everyThird(pieces(/^(?:workflow|gate)$/)))(
    '%s is one that GitHub takes',
    (_, { text }) => {
      expect(checkWorkflow(text, known)).toEqual([]);
      expect(checkPrivileges(parse(text) as Workflow)).toEqual([]);
      const uses = [...text.matchAll(/\buses: (\S+)/g)].map(([, name = '']) => name);
      expect(uses.filter((name) => !/@v\d+$/.test(name))).toEqual([]);
      const grants = text.split('\n').filter((line) => /^\s+[\w-]+: write\b/.test(line));
      expect(grants.filter((line) => !/ # \w/.test(line))).toEqual([]);
    },
  );

  it('is in the file that the identity of its signatures names', () => {
    for (const choice of all.filter(({ signer }) => signer === 'keyless')) {
      const [workflow] = builtOf(choice).parts;
      const { signer } = signedBy(completed(choice));
      expect('identity' in signer && signer.identity).toContain(
        `acme/app/${'file' in (workflow ?? {}) ? (workflow as Piece).file : ''}@refs/`,
      );
    }
  });
});

describe('a step that verifies', () => {
  it.each(everyThird(pieces(/^step$/)))('%s has inputs that the action has', (_, { text }) => {
    const [step] = parse(text) as [{ uses: string; with: object }];
    const { inputs = {} } = known.action('verify/action.yml');
    expect(step.uses).toBe('OWNER/sign-image/verify@v1');
    expect(Object.keys(step.with).filter((name) => !Object.hasOwn(inputs, name))).toEqual([]);
  });
});

describe('a policy', () => {
  const policies = pieces(/^policy/);

  it('is letter by letter what the engine writes', () => {
    for (const [, piece, choice] of policies) {
      const name = piece.file?.replace('policies/', '') ?? '';
      expect(writePolicies(signedBy(completed(choice)))[name]).toBe(piece.text);
    }
  });

  it.each(everyThird(policies.filter(([, { language }]) => language === 'yaml')))(
    '%s fits the schema of its kind',
    (_, { text, file = '' }) => {
      if (/registries\.d|talos/.test(file)) return;
      const wrong = parseAllDocuments(text).flatMap((document) => {
        const { apiVersion, kind, metadata, ...rest } = document.toJS();
        if (kind === 'Secret') return [];
        expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
        const schema = schemas[`${apiVersion} ${kind}`];
        return schema === undefined ? [`${kind} is unknown`] : problems(rest, schema, '');
      });
      expect(wrong).toEqual([]);
    },
  );

  const readable = policies.filter(([, { file = '' }]) => !/registries|talos|flux/.test(file));
  it.each(everyThird(readable))(
    '%s asks for this signer, and of no other image',
    (_, piece, choice) => {
      const whole = completed(choice);
      const { requirementFor } = readPolicies(
        [{ path: piece.file ?? '', text: piece.text }],
        tools,
      ).withKeys(new Map());
      const name = `${whole.image}@sha256:${'ab'.repeat(32)}`;
      const asked = policiesOf(requirementFor(image(name)));
      expect(asked).toHaveLength(1);
      const { signer } = signedBy(whole);
      for (const { signers } of asked)
        for (const rule of signers)
          if ('key' in rule)
            expect(rule.key.export({ type: 'spki', format: 'pem' })).toBe(
              'publicKeyPem' in signer && signer.publicKeyPem,
            );
          else {
            if ('publicKeyPem' in signer) throw new Error('asks for nobody who signs');
            const admits = (identity: string) =>
              rule.identities.some((one) => matches(one, identity));
            expect(admits(signer.identity)).toBe(true);
            expect(admits(signer.identity.replace('acme/app', 'acme/other'))).toBe(false);
            expect(admits(`${signer.identity.replace(/@.*/, '')}@refs/heads/other`)).toBe(false);
            expect(rule.issuers.some((one) => matches(one, signer.issuer))).toBe(true);
          }
      const other = requirementFor(image(name.replace('/app@', '/other@')));
      expect(policiesOf(other)).toEqual([]);
    },
  );

  it('says why there is none, or that a key is missing', () => {
    const reasons = all.flatMap((choice) =>
      builtOf({ ...choice, publicKey: '' }).parts.flatMap((part) =>
        'reason' in part ? [part.reason] : [],
      ),
    );
    expect([...new Set(reasons)].sort()).toEqual([
      'Paste the public key above: a policy has it inside.',
      'The gate reads no policies of Talos and Flux: choose a gate by who signed.',
      'podman, skopeo and OpenShift know keys and e-mail addresses, and this signer is a workflow: sign with a key for them.',
    ]);
  });
});

describe('what is typed', () => {
  it.each([
    ['owner', 'a b'],
    ['owner', 'acme"\n'],
    ['repository', 'app'],
    ['repository', 'acme/app/more'],
    ['branch', 'main]'],
    ['branch', 'a..b'],
    ['branch', '${{ x }}'],
    ['branch', ''],
    ['image', 'ghcr.io/acme/app:1'],
    ['image', 'GHCR.io/Acme/app'],
    ['image', 'ghcr.io/acme/app # x'],
    ['keyAddress', 'awskms:///alias/a b'],
    ['keyAddress', 'gcpkms://projects/p'],
    ['keyAddress', 'awskms:///release'],
    ['owner', ''],
    ['owner', '-acme'],
    ['repository', 'https://github.com/acme/app'],
    ['repository', 'acme/..'],
    ['branch', 'refs/heads/main'],
    ['branch', 'a//b'],
    ['branch', 'a/.b'],
    ['branch', 'a.lock'],
    ['branch', 'main\non: push'],
    ['image', 'ghcr.io/acme/"app"'],
    ['image', 'ghcr.io/acme/${{ github.token }}'],
    ['image', 'ghcr.io/acme/app\n  x: y'],
    ['publicKey', 'cosign.pub'],
    ['publicKey', '-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----'],
  ] as const)('%s: %j is refused, and nothing is written', (name, value) => {
    const built = build({ ...start, signer: 'awskms', [name]: value });
    expect('mistakes' in built && built.mistakes).toEqual({ [name]: expect.any(String) });
  });

  // A login that goes where the image is would give the token of one registry to another one.
  it.each([
    ['ghcr', 'quay.io/acme/app'],
    ['ghcr', 'ghcr.io.evil.example/acme/app'],
    ['ghcr', 'ghcr.io:444/acme/app'],
    ['dockerhub', 'ghcr.io/acme/app'],
    ['dockerhub', 'app'],
    ['ecr', 'ecr.eu-central-1.amazonaws.com/acme/app'],
    ['acr', 'evil.example/acme.azurecr.io/app'],
    ['gar', 'europe-west1-docker.pkg.dev/acme/app'],
    ['quay', 'ghcr.io/acme/app'],
    ['harbor', 'acme/app'],
    ['harbor', '[::1]:5000/acme/app'],
    ['ttlsh', 'ghcr.io/acme/app'],
  ] as const)('%s: an image %s is refused', (registry, image) => {
    const built = build({ ...start, registry, image });
    expect('mistakes' in built && built.mistakes).toEqual({ image: expect.any(String) });
  });

  it.each([
    ['harbor', 'harbor.example.com:8443/acme/app', 'harbor.example.com:8443'],
    ['quay', '10.0.0.1:5000/acme/app', '10.0.0.1:5000'],
    ['gitlab', 'localhost:5000/acme/app', 'localhost:5000'],
    ['ecr', '123456789012.dkr.ecr.us-east-1.amazonaws.com/app', undefined],
  ] as const)('%s: an image %s is read back as it was typed', (registry, image, host) => {
    const text = builtOf({ ...start, registry, image }).parts.flatMap((part) =>
      'text' in part && part.id === 'workflow' ? [part.text] : [],
    )[0];
    const steps = (parse(text ?? '') as Workflow).jobs.publish?.steps ?? [];
    const of = (uses: string) => steps.find((step) => step.uses?.startsWith(uses))?.with;
    expect(of('docker/metadata-action')?.images).toBe(image);
    expect(of('docker/login-action')?.registry).toBe(host ?? image.split('/')[0]);
    expect(checkWorkflow(text ?? '', known)).toEqual([]);
  });

  it.each(['1.10', 'on', 'null', '0x10', '1e3', '2026-11-29', 'E0'])(
    'a branch %s is a text to every reader of YAML',
    (branch) => {
      for (const part of builtOf({ ...start, branch }).parts)
        for (const version of ['1.1', '1.2'] as const) {
          if (!('text' in part) || !/^(?:workflow|gate)$/.test(part.id)) continue;
          // YAML 1.1 takes the name `on` itself for true.
          const { on, true: alsoOn } = parse(part.text, { version });
          expect((on ?? alsoOn).pull_request).toEqual({ branches: [branch] });
        }
    },
  );

  it('counts without the blanks around it', () => {
    const typed = { owner: ' acme ', repository: 'acme/app ', branch: ' main', image: ' ' };
    const blanks = builtOf({ ...start, ...typed });
    expect(blanks).toEqual(builtOf({ ...start, owner: 'acme' }));
  });

  it.each([publicKey.replaceAll('\n', '\r\n'), `\n${publicKey}\n`])('is a public key: %j', (key) =>
    expect(completed({ ...start, signer: 'key', publicKey: key }).publicKey).toBe(publicKey),
  );

  it.each([
    publicKey.replace(/\n[^\n]+\n-----END/, '\n-----END'),
    publicKey.replace(/A/, '%'),
    `${publicKey}${publicKey}`,
    publicKey.replaceAll('PUBLIC KEY', 'CERTIFICATE'),
  ])('is no public key: %j', (key) => {
    const built = build({ ...start, signer: 'key', publicKey: key });
    expect('mistakes' in built && built.mistakes).toEqual({ publicKey: expect.any(String) });
  });

  // It reads the address first, and nobody is asked here.
  const asked = () => Promise.reject(new Error('nobody is asked'));
  const keyTools = { ...machineWith({}), http: asked as unknown as KeyTools['http'] };
  const aKey = '12345678-1234-1234-1234-123456789012';
  it.each([
    ['awskms', 'awskms:///alias/release'],
    ['awskms', `awskms:///${aKey}`],
    ['awskms', `awskms:///arn:aws:kms:us-east-1:111122223333:key/${aKey}`],
    ['awskms', 'awskms:///alias/'],
    ['awskms', 'awskms://alias/release'],
    ['gcpkms', 'gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k'],
    ['gcpkms', 'gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1'],
    ['gcpkms', 'gcpkms://projects/../locations/l/keyRings/r/cryptoKeys/k'],
    ['azurekms', 'azurekms://acme.vault.azure.net/release'],
    ['azurekms', 'azurekms://acme.vault.azure.net/release/0a1b'],
    ['azurekms', 'azurekms://vault.evil.example/release'],
    ['azurekms', 'azurekms://acme.vault.azure.net:444/release'],
    ['hashivault', 'hashivault://release'],
    ['hashivault', 'hashivault://a/b'],
  ] as const)('%s: %s is an address where the action says so', async (signer, keyAddress) => {
    const said = await loadReferencedSigner(keyAddress, keyTools).catch((error: unknown) => error);
    const refused = said instanceof Failure && said.code === 'bad-key';
    expect('mistakes' in build({ ...start, signer, keyAddress })).toBe(refused);
  });

  it('says the region of AWS where it is known, and asks for it where not', () => {
    const region = (choice: Partial<Choice>) => {
      const { parts, before } = builtOf({ ...start, ...choice });
      const [workflow] = parts;
      const text = workflow !== undefined && 'text' in workflow ? workflow.text : '';
      return [/aws-region: (.*)/.exec(text)?.[1], before.some((one) => one.includes('AWS_REGION'))];
    };
    const arn = `awskms:///arn:aws:kms:us-east-1:111122223333:key/${aKey}`;
    expect(region({ registry: 'ecr' })).toEqual(['eu-central-1', false]);
    expect(region({ signer: 'awskms', keyAddress: arn })).toEqual(['us-east-1', false]);
    expect(region({ signer: 'awskms' })).toEqual(['${{ vars.AWS_REGION }}', true]);
  });

  it('is anything: nothing but what was typed for it gets into a text', () => {
    const typed = fc.constantFrom('owner', 'repository', 'branch', 'image', 'keyAddress');
    fc.assert(
      fc.property(typed, fc.string({ unit: 'binary', maxLength: 40 }), (name, value) => {
        const built = build({ ...start, publicKey, signer: 'awskms', [name]: value });
        if ('mistakes' in built) return;
        for (const part of built.parts) {
          if (!('text' in part) || part.language !== 'yaml') continue;
          expect(parseAllDocuments(part.text).flatMap(({ errors }) => errors)).toEqual([]);
          expect(part.text).not.toMatch(/[^\n -~…]/);
        }
      }),
    );
  });

  it('names the workflow of another repository, branch and owner', () => {
    const built = builtOf({
      ...start,
      owner: 'tools',
      repository: 'Acme/web.app',
      branch: 'release/1.x',
      image: 'ghcr.io/acme/site/web',
    });
    const found = built.parts.map((part) => ('text' in part ? part.text : part.reason)).join('\n');
    expect(found).toContain('uses: tools/sign-image@v1');
    expect(found).toContain('uses: tools/sign-image/verify@v1');
    expect(found).not.toContain('OWNER');
    expect(found).toContain('images: ghcr.io/acme/site/web\n');
    expect(found).toContain('branches: [release/1.x]');
    expect(found).toContain(
      'certificate-identity-regexp: https://github\\.com/Acme/web\\.app/\\.github/workflows/publish-and-sign\\.yml@refs/(heads/release/1\\.x|tags/v.+)',
    );
  });
});

it('the coloured pieces of a line are the line', () => {
  for (const text of texts.keys())
    for (const line of text.split('\n'))
      expect(
        marked(line)
          .map((mark) => mark.text)
          .join(''),
      ).toBe(line);
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (line) =>
        marked(line)
          .map((mark) => mark.text)
          .join('') === line,
    ),
  );
});

describe('the page', () => {
  /** A file of ours and all that it imports, types aside. */
  const closure = (file: string, seen = new Map<string, string>()): Map<string, string> => {
    if (seen.has(file)) return seen;
    const text = readFileSync(join(root, file), 'utf8');
    seen.set(file, text);
    const imports = text.matchAll(/^(?:import|export)\s+(?!type\b)[^;]*?from '([^']+)'/gm);
    for (const [, from = ''] of imports)
      if (from.startsWith('.')) closure(join(dirname(file), from), seen);
      else seen.set(from, '');
    return seen;
  };
  const files = closure('site/builder/built.ts');

  it('loads nothing of Node and no library: only what writes', () => {
    expect([...files.keys()].filter((file) => !/^(?:src|site\/builder)\//.test(file))).toEqual([]);
    expect(files.size).toBeGreaterThan(15);
  });

  it('reads a name as the actions do', () =>
    expect(completed({ ...start, registry: 'dockerhub' }).image).toBe(
      (({ registry, repository }) => `${registry}/${repository}`)(parseReference('acme/app')),
    ));
});
