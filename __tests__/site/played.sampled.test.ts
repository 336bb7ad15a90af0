// What the builder writes is played like the examples: it signs in a registry like the chosen one,
// the gate lets that pass and refuses others, and the policies are those that the action writes.
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  byKey,
  type Choice,
  type Cluster,
  combinations,
  start,
} from '../../site/builder/choices.ts';
import { policyPath, signedBy } from '../../site/builder/policies.ts';
import { completed } from '../../site/builder/typed.ts';
import { gateWorkflow, namesOf, publishWorkflow } from '../../site/builder/workflows.ts';
import { parseReference } from '../../src/image/reference.ts';
import { type Signed, writePolicies } from '../../src/policies/write.ts';
import { parseTrustedRoot } from '../../src/signature/trust.ts';
import { type PlayOptions, play } from '../examples/play.ts';
import { sampled } from '../sampled.ts';
import { startGithub } from '../sandbox/github.ts';
import type { RunResult } from '../sandbox/runner.ts';
import { type BuilderStage, setBuilderStage, spki } from './builder-stage.ts';

let stage: BuilderStage;
beforeAll(async () => {
  stage = await setBuilderStage();
});
afterAll(() => stage.close());

const rows = combinations(['registry', 'signer', 'platforms']).map(
  (chosen, index) =>
    [`${chosen.registry} ${chosen.signer} ${chosen.platforms}`, chosen, index] as const,
);

/** Kinds that the gate reads; those without an answer for workflows are left to keys. */
function clusterFor(choice: Choice, index: number): Cluster {
  const ofAll = ['kyverno-validating', 'kyverno-cluster', 'policy-controller'] as const;
  const kinds = byKey(choice) ? [...ofAll, 'openshift' as const, 'podman' as const] : ofAll;
  return kinds[index % kinds.length] ?? 'none';
}

/** The run of a workflow of the builder, with the key service in place of the one it names. */
async function run(text: string, choice: Choice, options: PlayOptions): Promise<RunResult> {
  const world = stage.keyServices.get(choice.signer);
  const edit = () =>
    world === undefined ? text : text.replace(choice.keyAddress, world.reference);
  const [played, ...more] = await play('builder', stage, {
    edit,
    vars: stage.vars,
    logins: stage.logins,
    ...options,
    workspace: { ...options.workspace, ...world?.workspace },
    env: { ...world?.env, ...options.env },
  });
  expect(more).toEqual([]);
  if (played === undefined) throw new Error('nothing of ours ran');
  return played.run;
}

const publish = (choice: Choice, seed: string, as = namesOf(choice).publish.file) =>
  run(publishWorkflow(choice), choice, { as, seed });

/** What was signed, with the Sigstore of the stage in place of the public one. */
function signedHere(choice: Choice, signing: RunResult, as: string): Signed {
  const { images, ...signed } = signedBy({ ...choice, image: stage.placed(choice.image) });
  if ('publicKeyPem' in signed.signer) return { images, ...signed };
  const parsed = parseTrustedRoot(Buffer.from(JSON.stringify(stage.sigstore.trustedRoot)));
  const json = JSON.stringify(TrustedRoot.toJSON(parsed), null, 2);
  const [first] = JSON.parse(signing.outputs.results ?? '[]') as [
    { signatures: { format: string; logId: string }[] },
  ];
  const logId = first.signatures.find(({ format }) => format === 'legacy')?.logId;
  return {
    images,
    ...signed,
    signer: {
      ...signed.signer,
      identity: signed.signer.identity.replace(namesOf(choice).publish.file, as),
      issuer: stage.sigstore.issuer,
    },
    timestamp: true,
    ...(logId === undefined ? {} : { logId }),
    privateSigstore: { trustedRoot: { parsed, json } },
  };
}

/** The policies that the run left behind: file name → text. */
function policiesOf({ files }: RunResult): Record<string, string> {
  const found = [...files].flatMap(([path, content]) => {
    const name = /sign-image-policies[^/]*\/(.+)$|\/policies[^/]*\/(.+)$/.exec(path);
    return name === null ? [] : [[name[1] ?? name[2] ?? '', String(content)] as const];
  });
  return Object.fromEntries(found);
}

interface Pull {
  readonly image: string;
  /** what the base has besides */
  readonly base: Readonly<Record<string, string>>;
}

/** The gate of a pull request that begins to run this image. */
async function gate(choice: Choice, { image, base }: Pull): Promise<RunResult> {
  const path = choice.gate === 'policies' ? policyPath(choice) : undefined;
  if (path !== undefined && 'reason' in path) throw new Error(path.reason);
  const changed = {
    'deploy/app.yaml': `apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - name: app\n      image: ${image}\n`,
  };
  const listed = (files: Readonly<Record<string, string>>) =>
    Object.entries(files).map(([file, content]) => ({ path: file, content }));
  const sha = '1'.repeat(40);
  await using github = Object.assign(
    await startGithub({
      token: stage.secrets.GITHUB_TOKEN ?? '',
      head: '0'.repeat(40),
      files: listed(changed),
      unchanged: listed(base),
      base: { sha, files: listed(base) },
      permissions: { contents: 'read', pullRequests: 'write' },
    }),
    {
      async [Symbol.asyncDispose]() {
        await github.close();
      },
    },
  );
  const repo = { full_name: 'acme/app' };
  const pull = { number: 7, head: { sha: '0'.repeat(40), repo }, base: { sha, repo } };
  return await run(gateWorkflow(choice, path?.path), choice, {
    workspace: { ...base, ...changed },
    event: {
      number: 7,
      pull_request: pull,
      repository: { ...repo, private: false, visibility: 'public' },
    },
    env: { GITHUB_EVENT_NAME: 'pull_request', GITHUB_API_URL: github.url },
  });
}

/** What the base of a pull request has for its gate: the public key, or the policy of this signer. */
function baseOf(choice: Choice, publicKey: string, signed: Signed): Record<string, string> {
  if (choice.gate === 'signer') return byKey(choice) ? { 'cosign.pub': publicKey } : {};
  const path = policyPath(choice);
  if ('reason' in path) throw new Error(path.reason);
  const by = byKey(choice) ? { ...signed, signer: { publicKeyPem: publicKey } } : signed;
  return { [path.path]: writePolicies(by)[path.path.replace('policies/', '')] ?? '' };
}

const told = ({ code, outputs }: RunResult) => [code, outputs.verified];

describe.concurrent('what the builder writes for', () => {
  it.each(sampled(rows, ['ghcr keyless one', 'ecr awskms several', 'gitlab key one']))(
    '%s signs, lets that pass, and refuses what another signed',
    async (name, chosen, index) => {
      const world = stage.keyServices.get(chosen.signer);
      const choice = completed({
        ...start,
        ...chosen,
        cluster: 'none',
        publicKey: world === undefined ? stage.publicKey : spki(world.publicKey),
      });
      const signing = await publish(choice, name);
      expect(told(signing), signing.shown).toEqual([0, 'true']);
      const results = JSON.parse(signing.outputs.results ?? '[]') as {
        signatures: { format: string }[];
      }[];
      const formats = choice.registry === 'gitlab' ? ['legacy'] : ['bundle', 'legacy'];
      expect(results.map(({ signatures }) => signatures.map(({ format }) => format))).toEqual(
        Array(choice.platforms === 'several' ? 3 : 1).fill(formats),
      );

      // The writers say of the page's choice what they say of the run.
      const file = namesOf(choice).publish.file;
      const written = writePolicies(signedHere(choice, signing, file));
      const left = policiesOf(signing);
      expect(Object.keys(left).sort()).toEqual(Object.keys(written).sort());
      for (const [path, text] of Object.entries(written))
        if (path !== 'verify.md') expect(left[path], path).toBe(text);

      const { registry, repository } = parseReference(stage.placed(choice.image));
      const imageOf = ({ outputs }: RunResult) => `${registry}/${repository}@${outputs.digest}`;
      const one = choice.platforms === 'one';
      const stranger =
        byKey(choice) || !one ? signing : await publish(choice, `${name} 2`, 'fork.yml');
      for (const kind of one && world === undefined
        ? (['signer', 'policies'] as const)
        : ['signer' as const]) {
        const gated = { ...choice, gate: kind, cluster: clusterFor(choice, index) };
        const base = (publicKey: string) =>
          baseOf(gated, publicKey, signedHere(choice, signing, file));
        const good = await gate(gated, { image: imageOf(signing), base: base(choice.publicKey) });
        expect(told(good), good.shown).toEqual([0, 'true']);
        if (!one) continue;
        const key = byKey(choice) ? stage.strangersKey : choice.publicKey;
        const bad = await gate(gated, { image: imageOf(stranger), base: base(key) });
        expect(told(bad), bad.shown).toEqual([1, 'false']);
      }
    },
  );
});
