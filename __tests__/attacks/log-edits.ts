import { type Attack, edited, type Scene } from './attack.ts';
import { inRekor2, type Json, type Wish } from './material.ts';

/** Edits of the JSON of a good bundle: name, code, path, value. */
export const edits = (
  list: readonly (readonly [string, Attack['code'], string, unknown])[],
  wish: Wish = {},
): Attack[] =>
  list.map(([name, code, path, value]) =>
    edited(name + (wish === inRekor2 ? ' (Rekor v2)' : ''), code, path, value, wish),
  );

/** A bundle in which an evil hand redoes part of the good one's entry. */
export function redone(
  name: string,
  code: Attack['code'],
  edit: (entry: Json, scene: Scene) => void,
  wish: Wish = {},
): Attack {
  const lay = (scene: Scene, evil: boolean): void => {
    const bundle = scene.bundle(wish);
    if (evil) edit(bundle.verificationMaterial.tlogEntries[0], scene);
    scene.store.bundle(bundle);
  };
  return { name: wish === inRekor2 ? `${name} (Rekor v2)` : name, code, lay };
}
