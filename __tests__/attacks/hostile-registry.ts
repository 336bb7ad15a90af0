import type { Reply } from '../sandbox/registry-http.ts';
import type { Attack, Scene } from './attack.ts';
import { type SignatureStore, types } from './store.ts';

/** Text that would forge a log line, were it printed as it is. */
export const nasty = 'x\r\n::error file=a::y\u001b[2J\u202e##[add-path]/tmp';

/** A good bundle, and a registry that answers some requests in its own way. */
export function answered(
  name: string,
  code: Attack['code'],
  what: RegExp,
  answer: (usual: () => Reply, store: SignatureStore, page: string | null) => Reply | undefined,
): Attack {
  const lay = ({ store, bundle }: Scene, evil: boolean): void => {
    store.bundle(bundle());
    if (evil)
      store.override = ({ method, path, url }, usual) =>
        method === 'GET' && what.test(path)
          ? answer(usual, store, url.searchParams.get('page'))
          : undefined;
  };
  return { name, code, lay };
}
export const listOf = (manifests: unknown, headers: Record<string, string> = {}): Reply => ({
  status: 200,
  headers: { 'content-type': types.index, ...headers },
  body: JSON.stringify({ schemaVersion: 2, mediaType: types.index, manifests }),
});
export const referrers = /\/referrers\//;
export const blobs = /\/blobs\//;
