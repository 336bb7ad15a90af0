// Drives one attesting run through one fault. What is left is judged by the gate's own rule, and by
// what others had written before.

import type { Digest } from '../../src/image/digest.ts';
import type { FoundAttestation } from '../../src/signature/found.ts';
import { judgeAttestation } from '../../src/signature/judge-attestation.ts';
import { createTrust } from '../../src/signature/trust.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { storedSignatures } from '../sign-action/keyed-world.ts';
import {
  arm,
  budget,
  type Drive,
  type Driven,
  fill,
  type Ground,
  hang,
  hasApi,
  optionsOf,
  ours,
  passing,
  placeOf,
  regular,
  repository,
  settingOf,
  templateOf,
  theirs,
  unclear,
} from './drive.ts';
import { documentType, signingRun } from './signing-run.ts';

const document = '{"found":[1.0,{}]}';

const attestingRun = (registry: SandboxRegistry, image: string, ground: Ground) =>
  signingRun({
    host: registry.host,
    repository,
    images: [image],
    key: ours,
    document,
    budget,
    ...settingOf(ground),
  });

/** How many requests a run without faults sends. */
export async function requestsOfAttesting(ground: Ground): Promise<number> {
  const template = await templateOf(ground);
  await using registry = await startRegistry(optionsOf(ground));
  fill(registry.store, template);
  await attestingRun(registry, template.image, ground);
  return registry.requests.length;
}

/** Attests through the fault; judges what came of it, and of the next run without it. */
export async function driveAttesting(how: Drive): Promise<Driven> {
  const { image, store } = await templateOf(how.ground);
  await using registry = await startRegistry(optionsOf(how.ground));
  fill(registry.store, { store });
  const reached = arm(registry, how);
  const start = performance.now();
  const [result] = await attestingRun(registry, image, how.ground);
  const milliseconds = performance.now() - start;
  registry.set({ faults: () => undefined });
  const outcome = !reached() ? 'not reached' : result?.status === 'signed' ? 'signed' : 'failed';
  const { code = '', message = '' } = result?.error ?? {};
  const wrong = [
    ...leftWrong(registry, image, how.ground, outcome !== 'failed'),
    ...(result?.error === undefined ? [] : unclear(result.error)),
    ...(outcome === 'failed' && !how.forever && passing.has(how.fault)
      ? [`gives up although it passes: ${code}: ${message}`]
      : []),
    ...(outcome === 'failed' && !regular.has(code)
      ? [`not a word for a registry that fails: ${code}: ${message}`]
      : []),
    ...(milliseconds > hang ? [`took ${Math.round(milliseconds)} ms`] : []),
    ...(result?.status === 'already-signed' ? ['says that it was attested before'] : []),
    ...(outcome === 'failed' ? await notRepaired(registry, image, how.ground) : []),
  ];
  const failed = result?.error === undefined ? {} : { code, message };
  return { drive: how, outcome, ...failed, milliseconds, wrong };
}

async function notRepaired(registry: SandboxRegistry, image: string, ground: Ground) {
  await new Promise((resolve) => setTimeout(resolve, 120)); // a registry that was gone is back after 100 ms
  const [again] = await attestingRun(registry, image, ground);
  if (again?.status === 'failed')
    return [`the next run fails too: ${again.error?.code}: ${again.error?.message}`];
  return leftWrong(registry, image, ground, true).map((text) => `after the next run: ${text}`);
}

/** Nothing dangles, the signatures of others are there, and ours says what it should. */
function leftWrong(
  { store }: SandboxRegistry,
  image: string,
  ground: Ground,
  complete: boolean,
): string[] {
  const others = storedSignatures(store, placeOf(ground), image, [theirs], hasApi(ground));
  const kept = others.filter(({ listed, verdict }) => listed && verdict === 'verified').length;
  const good = attestations(store, image, ground).filter(
    (found) =>
      judgeAttestation(
        found,
        image as Digest,
        {
          policy: { signers: [{ key: ours.publicKey }], annotations: {}, tlog: 'ignore' },
          types: [documentType],
        },
        createTrust(undefined),
      ).predicate?.toString() === document,
  );
  const formats = new Set(good.map(({ format }) => format));
  return [
    ...store.dangling().map((text) => `dangling: ${text}`),
    ...(kept === 2 ? [] : [`of two signatures of others ${kept} are there`]),
    ...(!complete || formats.size === 2 ? [] : [`attested, and ${formats.size} of two are there`]),
  ];
}

/** Those that a verifier would find, straight from the store. */
function attestations(
  store: SandboxRegistry['store'],
  image: string,
  ground: Ground,
): FoundAttestation[] {
  const tag = image.replace(':', '-');
  const place = placeOf(ground);
  const blob = (digest: string) => store.find(place)?.blobs.get(digest) ?? Buffer.alloc(0);
  const index = store.json(place, tag) as { manifests?: { digest: string }[] } | undefined;
  const listed = new Set(index?.manifests?.map(({ digest }) => digest));
  const bundles = store
    .referrers(place, image)
    .filter(({ digest }) => hasApi(ground) || listed.has(digest))
    .map(({ digest, json }) => ({
      format: 'bundle' as const,
      digest: digest as Digest,
      reference: digest,
      bundle: blob((json.layers as { digest: string }[])[0]?.digest ?? ''),
    }));
  const manifest = store.json(place, `${tag}.att`) as
    | { layers?: { digest: Digest; annotations: Record<string, string> }[] }
    | undefined;
  const layers = (manifest?.layers ?? []).map(({ digest, annotations }) => ({
    format: 'legacy' as const,
    digest,
    reference: `${tag}.att`,
    envelope: blob(digest),
    annotations,
  }));
  return [...bundles, ...layers];
}
