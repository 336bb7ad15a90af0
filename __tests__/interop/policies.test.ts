// What we write, the products it is written for would take: the schemas they publish, and skopeo by
// running it. SHARED names the folder that holds schemas/admission-policies.json, the schemas of
// the custom resources as data.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseDigest } from '../../src/image/digest.ts';
import { clusterImagePolicyFields } from '../../src/policies/cluster-image-policy-fields.ts';
import type { Field, Fields } from '../../src/policies/fields.ts';
import { kyvernoPolicyFields, ruleFields } from '../../src/policies/kyverno-cluster-fields.ts';
import { writePolicies } from '../../src/policies/write.ts';
import { parseTrustedRoot } from '../../src/signature/trust.ts';
import { waysOfSigning } from '../policies/signed.ts';
import { pushImage } from '../sandbox/images.ts';
import { cosign2, need, run, skopeo, startDockerRegistry, temporaryFolder } from './peers.ts';

interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly not?: Schema;
  readonly minimum?: number;
  readonly maxLength?: number;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
}

const shared = process.env.SHARED;

describe.skipIf(shared === undefined)('against the published schemas', () => {
  let schemas: Readonly<Record<string, Schema>>;
  beforeAll(async () => {
    ({ schemas } = JSON.parse(
      await readFile(join(shared as string, 'schemas', 'admission-policies.json'), 'utf8'),
    ));
  });

  it.each(waysOfSigning)('the policies for %s fit', (_, signing) => {
    const checked = Object.entries(writePolicies(signing)).flatMap(([file, text]) => {
      if (!/policy\.yaml$/.test(file)) return [];
      return parseAllDocuments(text).flatMap((document) => {
        const { apiVersion, kind, metadata, ...rest } = document.toJS();
        const schema = schemas[`${apiVersion} ${kind}`];
        if (schema === undefined) return [`${kind} without a schema`];
        expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
        expect({ file, problems: problems(rest, schema, '') }).toEqual({ file, problems: [] });
        return [kind];
      });
    });
    expect(checked.filter((kind) => kind !== 'TrustRoot without a schema')).toEqual([
      'ClusterPolicy',
      'ImageValidatingPolicy',
      'ClusterImagePolicy',
    ]);
  });

  it('the check itself finds what is wrong', () => {
    const schema = schemas['kyverno.io/v1 ClusterPolicy'] as Schema;
    const wrong = {
      spec: {
        rules: [
          {
            name: 'x'.repeat(64),
            verifyImages: [{ type: 'cosign', attestors: [{ count: 0, x: 1 }] }],
          },
        ],
        admission: 'no',
      },
    };
    expect(problems(wrong, schema, '')).toEqual([
      '.spec.rules[0] lacks match',
      '.spec.rules[0].name is too long',
      '.spec.rules[0].verifyImages[0].type is not one of',
      '.spec.rules[0].verifyImages[0].attestors[0].count is too small',
      '.spec.rules[0].verifyImages[0].attestors[0].x is unknown',
      '.spec.admission is no boolean',
    ]);
  });

  it.each([
    ['policy.sigstore.dev/v1alpha1 ClusterImagePolicy', clusterImagePolicyFields, []],
    ['policy.sigstore.dev/v1beta1 ClusterImagePolicy', clusterImagePolicyFields, []],
    ['kyverno.io/v1 ClusterPolicy', kyvernoPolicyFields, []],
    ['kyverno.io/v1 ClusterPolicy', ruleFields, ['spec', 'rules']],
  ] as const)('every field of %s has its treatment', (name, fields, path) => {
    let schema = schemas[name] as Schema;
    for (const step of path)
      schema = (schema.properties?.[step]?.items ?? schema.properties?.[step]) as Schema;
    expect(untreated(schema, fields, '')).toEqual([]);
  });
});

/**
 * What a value has that the schema does not, as the API server would see it with strict validation.
 */
function problems(value: unknown, schema: Schema, path: string): string[] {
  const found: string[] = [];
  const type = Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : typeof value;
  if (schema.type !== undefined && schema.type !== type) return [`${path} is no ${schema.type}`];
  if (schema.enum !== undefined && !schema.enum.includes(value))
    found.push(`${path} is not one of`);
  if (schema.minimum !== undefined && (value as number) < schema.minimum)
    found.push(`${path} is too small`);
  if (schema.maxLength !== undefined && (value as string).length > schema.maxLength)
    found.push(`${path} is too long`);
  if (
    schema.oneOf !== undefined &&
    schema.oneOf.filter((one) => problems(value, one, '').length === 0).length !== 1
  )
    found.push(`${path} is not one of several`);
  if (schema.not !== undefined && problems(value, schema.not, '').length === 0)
    found.push(`${path} must not be so`);
  if (Array.isArray(value))
    return [
      ...found,
      ...value.flatMap((item, index) => problems(item, schema.items ?? {}, `${path}[${index}]`)),
    ];
  if (typeof value !== 'object' || value === null) return found;
  found.push(
    ...(schema.required ?? [])
      .filter((name) => !(name in value))
      .map((name) => `${path} lacks ${name}`),
  );
  if (schema['x-kubernetes-preserve-unknown-fields'] || schema.type === undefined) return found;
  for (const [name, child] of Object.entries(value)) {
    const known =
      schema.properties?.[name] ??
      (typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined);
    found.push(
      ...(known === undefined
        ? [`${path}.${name} is unknown`]
        : problems(child, known, `${path}.${name}`)),
    );
  }
  return found;
}

/** Fields of the schema that the table does not know, below those that it reads. */
function untreated(schema: Schema, fields: Fields, path: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, child]) => {
    const field: Field | undefined = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (field === undefined) return [`${path}.${name}`];
    if (field.as !== 'object' && field.as !== 'objects') return [];
    const inside = typeof field.fields === 'function' ? field.fields() : field.fields;
    return untreated(
      field.as === 'objects' ? (child.items ?? {}) : child,
      inside,
      `${path}.${name}`,
    );
  });
}

describe('skopeo with the policy that is written', () => {
  let folder: string;
  let cleanUp: () => Promise<void>;
  let registry: { host: string; stop: () => void };
  beforeAll(async () => {
    ({ folder, remove: cleanUp } = await temporaryFolder());
    registry = await startDockerRegistry(folder);
    for (const name of ['own', 'stranger']) {
      expect(
        await cosign2(['generate-key-pair', '--output-key-prefix', join(folder, name)]),
      ).toMatchObject({ code: 0 });
    }
  });
  afterAll(async () => {
    registry?.stop();
    await cleanUp?.();
  });

  it('copies what was signed with the key, and nothing else', async () => {
    const { host } = registry;
    const images: Record<string, string> = {};
    for (const [name, key] of [
      ['acme/app', 'own'],
      ['acme/strange', 'stranger'],
      ['acme/other', 'own'],
      ['acme/unsigned', undefined],
    ] as const) {
      images[name] = (await pushImage(host, name, { seed: name, tag: 'v1' })).digest;
      if (key === undefined) continue;
      const reference = `${host}/${name}@${images[name]}`;
      const options = [
        '--yes',
        '--tlog-upload=false',
        '--allow-http-registry',
        '--key',
        join(folder, `${key}.key`),
      ];
      expect(await cosign2(['sign', ...options, reference])).toMatchObject({ code: 0 });
    }
    const files = writePolicies({
      images: ['acme/app', 'acme/strange', 'acme/unsigned'].map((repository) => ({
        name: { registry: host, repository },
        digest: parseDigest(images[repository] as string),
        references: [],
      })),
      signer: { publicKeyPem: await readFile(join(folder, 'own.pub'), 'utf8') },
      formats: ['legacy'],
      tlog: false,
      timestamp: false,
      annotations: {},
    });
    const copy = await enforcer(files, 'key');
    const outcomes = await Promise.all(
      Object.keys(images).map(async (name) => [name, (await copy(name)).code] as const),
    );
    expect(Object.fromEntries(outcomes)).toEqual({
      'acme/app': 0,
      'acme/strange': expect.toSatisfy((code: number) => code !== 0),
      'acme/other': expect.toSatisfy((code: number) => code !== 0),
      'acme/unsigned': expect.toSatisfy((code: number) => code !== 0),
    });
    const { output } = await copy('acme/strange');
    expect(output).toMatch(
      /cryptographic signature verification failed|invalid signature|Source image rejected/,
    );
  });

  it('is what the commands in verify.md repeat: cosign accepts the one, and no other', async () => {
    const digest = parseDigest(
      (await pushImage(registry.host, 'acme/app', { seed: 'acme/app', tag: 'v1' })).digest,
    );
    const signing = {
      images: [
        { name: { registry: registry.host, repository: 'acme/app' }, digest, references: [] },
      ],
      signer: { publicKeyPem: await readFile(join(folder, 'own.pub'), 'utf8') },
      formats: ['legacy'],
      tlog: false,
      timestamp: false,
      annotations: {},
    } as const;
    const command =
      /```sh\n(cosign verify[\s\S]*?)\n```/.exec(writePolicies(signing)['verify.md'] ?? '')?.[1] ??
      '';
    const verify = (key: string) =>
      run('/bin/sh', [
        '-c',
        command.replace(/^cosign/, '"$COSIGN2"').replace('cosign.pub', join(folder, `${key}.pub`)),
      ]);
    expect(await verify('own')).toMatchObject({ code: 0 });
    expect(await verify('stranger')).not.toMatchObject({ code: 0 });
  });

  it('copies what a person signed with Fulcio, and not what another one did', async () => {
    const root = { json: await readFile(need('TRUSTED_ROOT'), 'utf8') };
    const images: Record<string, string> = {};
    for (const [name, email] of [
      ['person/app', 'someone@acme.example'],
      ['person/strange', 'stranger@acme.example'],
    ] as const) {
      images[name] = (await pushImage(registry.host, name, { seed: name, tag: 'v1' })).digest;
      const services = [
        '--fulcio-url',
        need('FULCIO_URL'),
        '--rekor-url',
        need('REKOR_URL'),
        '--identity-token',
        await tokenOf(email),
      ];
      const reference = `${registry.host}/${name}@${images[name]}`;
      expect(
        await cosign2(['sign', '--yes', '--allow-http-registry', ...services, reference]),
      ).toMatchObject({ code: 0 });
    }
    const files = writePolicies({
      images: Object.entries(images).map(([repository, digest]) => ({
        name: { registry: registry.host, repository },
        digest: parseDigest(digest),
        references: [],
      })),
      signer: { identity: 'someone@acme.example', issuer: need('OIDC_EMAIL_URL') },
      formats: ['legacy'],
      tlog: true,
      timestamp: false,
      annotations: {},
      privateSigstore: {
        trustedRoot: { parsed: parseTrustedRoot(Buffer.from(root.json)), json: root.json },
      },
    });
    const copy = await enforcer(files, 'fulcio');
    expect(await copy('person/app')).toMatchObject({ code: 0 });
    const stranger = await copy('person/strange');
    expect(stranger.code).not.toBe(0);
    expect(stranger.output).toContain('stranger@acme.example');
  });

  /** Puts the files where skopeo reads them; answers what copies an image by them. */
  async function enforcer(files: Readonly<Record<string, string>>, place: string) {
    const home = join(folder, place);
    await mkdir(join(home, 'registries.d'), { recursive: true });
    for (const name of ['containers-policy.json', 'registries.d/sign-image.yaml'])
      await writeFile(join(home, name), files[name] as string);
    const options = [
      '--policy',
      join(home, 'containers-policy.json'),
      '--registries.d',
      join(home, 'registries.d'),
    ];
    return (name: string) => {
      const target = `dir:${join(home, name.replace('/', '-'))}`;
      const source = `docker://${registry.host}/${name}:v1`;
      return skopeo([
        ...options,
        'copy',
        '--src-tls-verify=false',
        '--remove-signatures',
        source,
        target,
      ]);
    };
  }

  /** An identity token with an e-mail address, of the stack's second issuer. */
  async function tokenOf(email: string): Promise<string> {
    const url = new URL(
      need('ACTIONS_ID_TOKEN_REQUEST_URL').replace(need('OIDC_URL'), need('OIDC_EMAIL_URL')),
    );
    url.searchParams.set('audience', 'sigstore');
    url.searchParams.set('email', email);
    const answer = await fetch(url, {
      headers: { authorization: `bearer ${need('ACTIONS_ID_TOKEN_REQUEST_TOKEN')}` },
    });
    return ((await answer.json()) as { value: string }).value;
  }
});
