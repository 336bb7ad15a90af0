import type { FailureCode } from '../../src/failure.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import type { Trust } from '../../src/signature/trust.ts';
import type { VerdictCode } from '../../src/signature/verdict.ts';
import { put } from '../signature/tampering.ts';
import { type Forge, identity, issuer } from './forge.ts';
import type { GateOptions } from './gate.ts';
import { type Json, makeBundle, makeLayer, type Wish } from './material.ts';
import type { SignatureStore } from './store.ts';

/** Where a case is laid out: the keys of a whole Sigstore, and a repository with one image. */
export interface Scene {
  readonly forge: Forge;
  readonly store: SignatureStore;
  /** a signature of the image as a bundle (JSON) */
  readonly bundle: (wish?: Wish) => Json;
  /** a legacy signature of the image */
  readonly layer: (wish?: Wish) => { payload: Buffer; annotations: Record<string, string> };
}

/**
 * One attack. `lay` puts it into the registry, or its honest twin: what is the same apart from the
 * one thing that the attack is about. The twin passes; the attack is refused with this code and no
 * other.
 */
export interface Attack {
  readonly name: string;
  readonly code: VerdictCode | FailureCode;
  readonly lay: (scene: Scene, hostile: boolean) => void | Promise<void>;
  readonly policy?: (forge: Forge, hostile: boolean) => Partial<SignaturePolicy>;
  readonly trust?: (forge: Forge, hostile: boolean) => Trust;
  readonly options?: GateOptions;
  /** where it may cost the gate more requests than others */
  readonly mostRequests?: number;
  /**
   * the attack is that a good signature gets lost: it must still be found, beside the refused ones
   */
  readonly passes?: true;
  /**
   * where the twin is a good signature and nothing else: what it is made of. Those of one wish are
   * the same, so one of them is played
   */
  readonly twin?: readonly [kind: 'bundle' | 'layer', wish: Wish];
}

const usual: Wish = {};

/** Such a twin, unless there is more to it. */
const twinOf = (kind: 'bundle' | 'layer', wish: Wish, more: More): Pick<Attack, 'twin'> =>
  Object.keys(more).length === 0 ? { twin: [kind, wish] } : {};

export const keyless: SignaturePolicy = {
  signers: [{ identities: [{ exact: identity }], issuers: [{ exact: issuer }] }],
  annotations: {},
  tlog: 'required',
};

export function sceneOf(forge: Forge, store: SignatureStore): Scene {
  return {
    forge,
    store,
    bundle: (wish) => makeBundle(forge, store.image, wish),
    layer: (wish) => makeLayer(forge, store.image, wish),
  };
}

type More = Omit<Attack, 'name' | 'code' | 'lay'>;

/** An attack whose bundle is made of one wish, and its twin of another. */
export function made(
  name: string,
  code: Attack['code'],
  hostile: (scene: Scene) => Wish,
  honest: Wish = usual,
  more: More = {},
): Attack {
  return {
    name,
    code,
    lay: (scene, evil) =>
      void scene.store.bundle(scene.bundle(evil ? { ...honest, ...hostile(scene) } : honest)),
    ...twinOf('bundle', honest, more),
    ...more,
  };
}

/** An attack that edits the JSON of a good bundle, at a path as `put` reads it. */
export function edited(
  name: string,
  code: Attack['code'],
  path: string,
  value: unknown,
  wish: Wish = usual,
  more: More = {},
): Attack {
  const lay = (scene: Scene, evil: boolean): void => {
    const bundle = scene.bundle(wish);
    if (evil) put(path, value)(bundle);
    scene.store.bundle(bundle);
  };
  return { name, code, lay, ...twinOf('bundle', wish, more), ...more };
}

/** An attack that edits the text of a good bundle. */
export function respelled(
  name: string,
  code: Attack['code'],
  edit: (text: string) => string | Buffer,
  wish: Wish = usual,
): Attack {
  const lay = (scene: Scene, evil: boolean): void => {
    const text = JSON.stringify(scene.bundle(wish));
    const written = evil ? edit(text) : text;
    if (evil && written === text) throw new Error(`"${name}" changes nothing`);
    scene.store.bundle(written);
  };
  return { name, code, lay, twin: ['bundle', wish] };
}

/** An attack whose legacy layer is made of one wish, and its twin of another. */
export function layered(
  name: string,
  code: Attack['code'],
  hostile: (scene: Scene) => Wish,
  honest: Wish = usual,
  more: More = {},
): Attack {
  return {
    name,
    code,
    lay: (scene, evil) =>
      void scene.store.layer(scene.layer(evil ? { ...honest, ...hostile(scene) } : honest)),
    ...twinOf('layer', honest, more),
    ...more,
  };
}

/** An attack that edits one annotation of a good legacy layer; undefined removes it. */
export function relabelled(
  name: string,
  code: Attack['code'],
  annotation: 'signature' | 'certificate' | 'chain' | 'bundle' | 'rfc3161timestamp',
  edit: (old: string) => string | undefined,
  wish: Wish = usual,
  more: More = {},
): Attack {
  const key =
    annotation === 'signature'
      ? 'dev.cosignproject.cosign/signature'
      : `dev.sigstore.cosign/${annotation}`;
  const lay = (scene: Scene, evil: boolean): void => {
    const layer = scene.layer(wish);
    const value = edit(layer.annotations[key] ?? '');
    if (evil && value === undefined) delete layer.annotations[key];
    else if (evil && value !== undefined) layer.annotations[key] = value;
    scene.store.layer(layer);
  };
  return { name, code, lay, ...twinOf('layer', wish, more), ...more };
}
