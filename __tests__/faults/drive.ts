// Drives one signing run through one fault, and looks at what is left: the run's words, and the
// registry's content.
import type { ImageOptions } from '../sandbox/images.ts';
import { pushImage } from '../sandbox/images.ts';
import { type RegistryOptions, type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { faultTable } from '../sandbox/registry-fault-table.ts';
import type { RegistryStore } from '../sandbox/registry-store.ts';
import { makeKey, storedSignatures, type TestKey } from '../sign-action/keyed-world.ts';
import { signingRun } from './signing-run.ts';

/** The registry a run is driven on. */
export type Ground =
  | 'referrers API'
  | 'shared tags'
  | 'shared tags, login'
  | 'signature repository'
  | 'signature repository, referrers API';

export interface Drive {
  readonly ground: Ground;
  /** a name of the fault table */
  readonly fault: string;
  /** index of the request that goes wrong, from 0 */
  readonly at: number;
  /** from that request on, all go wrong */
  readonly forever: boolean;
}

export interface Driven {
  readonly drive: Drive;
  readonly outcome: 'signed' | 'verified' | 'failed' | 'not reached';
  /** of the failure */
  readonly code?: string;
  readonly message?: string;
  readonly milliseconds: number;
  /** what must not be: sentences, empty when all is well */
  readonly wrong: readonly string[];
}

export const repository = 'acme/app';
export const account = { username: 'octocat', password: 'correct horse battery' };
export const ours = makeKey();
export const theirs = makeKey();
/**
 * Faults after which the same request is answered: a run that meets one of them once must succeed.
 */
export const passing: ReadonlySet<string> = new Set([
  ...[
    'refused',
    'reset before',
    'reset after',
    'hang',
    'hang after',
    'late by 300 ms',
    'dripping body',
    'slow body',
    'truncated body',
  ],
  ...['endless slow body', '408', '429 in a second', '429 with a date', '429 without a word'],
  ...['500', '500 after', '502 of a proxy', '503 in a second', '503 after', '504 after'],
]);

/** What a run may say when a registry fails. */
export const regular: ReadonlySet<string> = new Set([
  ...[
    'network',
    'timeout',
    'registry-error',
    'registry-denied',
    'bad-credentials',
    'registry-unsupported',
    'image-not-found',
  ],
  ...['bad-manifest', 'too-large', 'signature-lost', 'immutable-tag', 'not-verified'],
]);

/** The budget of a run, which ends whatever a fault does, and when only a hang has not ended. */
export const budget = 60_000;
export const hang = 180_000;

/**
 * An image that somebody else has signed in both formats, and described with an SBOM, before we
 * come.
 */
interface Template {
  readonly image: string;
  readonly sbom: string;
  readonly store: RegistryStore;
}

const templates = new Map<Ground, Promise<Template>>();

export function optionsOf(ground: Ground): RegistryOptions {
  if (hasApi(ground)) return { referrersApi: true, ociSubject: true };
  return hasLogin(ground) ? { auth: { kind: 'token', accounts: [account] } } : {};
}

export const hasApi = (ground: Ground): boolean => ground.endsWith('referrers API');
const hasLogin = (ground: Ground): boolean =>
  ground === 'shared tags, login' || ground === 'signature repository';

export const loginOf = (ground: Ground): Pick<ImageOptions, 'credentials'> =>
  hasLogin(ground) ? { credentials: account } : {};

/** Where what is signed lies. */
export const placeOf = (ground: Ground): string =>
  ground.startsWith('signature repository') ? 'acme/signatures' : repository;

/** What a run on this ground has to know. */
export const settingOf = (ground: Ground) => ({ ...loginOf(ground), place: placeOf(ground) });

export function templateOf(ground: Ground): Promise<Template> {
  const made = templates.get(ground) ?? makeTemplate(ground);
  templates.set(ground, made);
  return made;
}

async function makeTemplate(ground: Ground): Promise<Template> {
  await using registry = await startRegistry(optionsOf(ground));
  const { digest, size, mediaType } = await pushImage(registry.host, repository, loginOf(ground));
  const [result] = await signingRun({
    host: registry.host,
    repository,
    images: [digest],
    key: theirs,
    ...settingOf(ground),
  });
  if (result?.status !== 'signed')
    throw new Error(`the template could not be signed: ${result?.error?.message}`);
  const sbom = plantSbom(registry.store, placeOf(ground), { digest, size, mediaType });
  return { image: digest, sbom, store: registry.store };
}

/** Another tool's referrer, with a field that we do not know. */
function plantSbom(
  store: RegistryStore,
  place: string,
  subject: { digest: string; size: number; mediaType: string },
): string {
  const empty = {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: store.addBlob(place, '{}'),
    size: 2,
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    artifactType: 'application/spdx+json',
    config: empty,
    layers: [empty],
    subject,
  };
  const bytes = JSON.stringify(manifest);
  const digest = store.addManifest(place, bytes, manifest.mediaType);
  const tag = subject.digest.replace(':', '-');
  const index = store.json(place, tag) as { manifests: object[] } | undefined;
  if (index === undefined) return digest;
  const entry = {
    mediaType: manifest.mediaType,
    digest,
    size: bytes.length,
    artifactType: manifest.artifactType,
    'x-unknown': [1.0, 'kept'],
  };
  store.addManifest(
    place,
    JSON.stringify({ ...index, manifests: [...index.manifests, entry] }),
    'application/vnd.oci.image.index.v1+json',
    tag,
  );
  return digest;
}

/** All of it, as of long ago. */
export function fill(store: RegistryStore, template: Pick<Template, 'store'>): void {
  for (const [name, from] of template.store.repositories) {
    const to = store.open(name);
    for (const [digest, bytes] of from.blobs) to.blobs.set(digest, bytes);
    for (const [digest, manifest] of from.manifests)
      to.manifests.set(digest, { ...manifest, at: 0 });
    for (const [tag, history] of from.tags)
      to.tags.set(
        tag,
        history.map((entry) => ({ ...entry, at: 0 })),
      );
  }
}

/** How many requests a run without faults sends: those that faults are put at. */
export async function requestsOfRun(ground: Ground): Promise<number> {
  const template = await templateOf(ground);
  await using registry = await startRegistry(optionsOf(ground));
  fill(registry.store, template);
  await signingRun({
    host: registry.host,
    repository,
    images: [template.image],
    key: ours,
    ...settingOf(ground),
  });
  return registry.requests.length;
}

/** Makes the registry faulty. @returns whether the fault has been met */
export function arm(registry: SandboxRegistry, how: Drive): () => boolean {
  const make = faultTable[how.fault];
  if (make === undefined) throw new Error(`no fault "${how.fault}"`);
  let reached = false;
  registry.set({
    faults: (_asked, index) => {
      if (index < how.at || (index > how.at && !how.forever)) return undefined;
      reached = true;
      return make();
    },
  });
  return () => reached;
}

/** Signs through the fault; judges what came of it. */
export async function drive(how: Drive): Promise<Driven> {
  const template = await templateOf(how.ground);
  await using registry = await startRegistry(optionsOf(how.ground));
  fill(registry.store, template);
  const reached = arm(registry, how);
  const start = performance.now();
  const [result] = await signingRun({
    host: registry.host,
    repository,
    images: [template.image],
    key: ours,
    budget,
    ...settingOf(how.ground),
  });
  const milliseconds = performance.now() - start;
  registry.set({ faults: () => undefined });
  const outcome = !reached() ? 'not reached' : result?.status === 'signed' ? 'signed' : 'failed';
  const { code, message } = result?.error ?? {};
  const wrong = [
    ...wrongContent(registry, template, how.ground, outcome !== 'failed'),
    ...(result?.error === undefined ? [] : unclear(result.error)),
    ...(outcome === 'failed' && !how.forever && passing.has(how.fault)
      ? [`gives up although it passes: ${code}: ${message}`]
      : []),
    ...(outcome === 'failed' && !regular.has(code ?? '')
      ? [`not a word for a registry that fails: ${code}: ${message}`]
      : []),
    ...(milliseconds > hang ? [`took ${Math.round(milliseconds)} ms`] : []),
    ...(result?.status === 'already-signed' ? ['says that it was signed before'] : []),
    ...(outcome === 'failed' ? await notRepaired(registry, template, how.ground) : []),
  ];
  return {
    drive: how,
    outcome,
    ...(code === undefined ? {} : { code, message: message ?? '' }),
    milliseconds,
    wrong,
  };
}

/**
 * The registry's content must be valid whatever happened: no signature that does not verify,
 * nothing dangling, nothing of others lost.
 */
function wrongContent(
  registry: SandboxRegistry,
  template: Template,
  ground: Ground,
  complete: boolean,
): string[] {
  const { store } = registry;
  const kept = signaturesOf(store, template, ground, [ours, theirs]);
  const listed = (key: TestKey) =>
    signaturesOf(store, template, ground, [key]).filter(
      (found) => found.listed && found.verdict === 'verified',
    );
  const index = store.json(placeOf(ground), template.image.replace(':', '-')) as
    | { manifests?: { digest: string; 'x-unknown'?: unknown }[] }
    | undefined;
  const sbom = index?.manifests?.find(({ digest }) => digest === template.sbom);
  return [
    ...store.dangling().map((text) => `dangling: ${text}`),
    ...kept
      .filter(({ verdict }) => verdict !== 'verified')
      .map(({ format, verdict }) => `a ${format} that is ${verdict}`),
    ...(listed(theirs).length === 2
      ? []
      : [`of two signatures of others ${listed(theirs).length} are there`]),
    ...(hasApi(ground) || JSON.stringify(sbom?.['x-unknown']) === '[1,"kept"]'
      ? []
      : ['the SBOM of somebody else is lost or changed']),
    ...(!complete || listed(ours).length >= 2
      ? []
      : [`reported as signed, and ${listed(ours).length} of two are there`]),
  ];
}

const signaturesOf = (
  store: RegistryStore,
  { image }: Template,
  ground: Ground,
  keys: readonly TestKey[],
) => storedSignatures(store, placeOf(ground), image, keys, hasApi(ground));

export function unclear({
  code,
  message,
  fix,
}: {
  code: string;
  message: string;
  fix: string;
}): string[] {
  const said = `${code}: ${message}`;
  return [
    ...(code === 'internal' ? [`unclear: ${said}`] : []),
    ...(message.length < 20 || fix.length < 20 ? [`says too little: ${said}`] : []),
    ...(/undefined|\[object|NaN|TypeError/.test(message + fix) ? [`leaks innards: ${said}`] : []),
  ];
}

/** The same step again, without the fault, must complete what the first left. */
async function notRepaired(
  registry: SandboxRegistry,
  template: Template,
  ground: Ground,
): Promise<string[]> {
  await new Promise((resolve) => setTimeout(resolve, 120)); // a registry that was gone is back after 100 ms
  const [again] = await signingRun({
    host: registry.host,
    repository,
    images: [template.image],
    key: ours,
    ...settingOf(ground),
  });
  if (again?.status === 'failed')
    return [`the next run fails too: ${again.error?.code}: ${again.error?.message}`];
  return wrongContent(registry, template, ground, true).map(
    (text) => `after the next run: ${text}`,
  );
}
