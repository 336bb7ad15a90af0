import { formatReference } from '../../src/image/reference.ts';
import type { ImageUse } from '../../src/references/image-use.ts';
import { readFileReferences } from '../../src/references/read-file.ts';

/** What a file names, one line each: `3 ghcr.io/acme/app:1` or `3 ? $V has no default …`;
 * without what is told of other files, which whoever reads all files looks for */
export function show(uses: readonly ImageUse[]): string[] {
  return uses.flatMap((use) => {
    if ('reference' in use) return [`${use.line} ${formatReference(use.reference)}`];
    const isLookedFor =
      use.unlessChosen !== undefined || ('told' in use && use.build !== undefined);
    if ('told' in use) return isLookedFor ? [] : [`${use.line} ~ ${use.written}`];
    return [`${use.line} ? ${use.written}`];
  });
}

/** The kinds and images of a file. */
export function read(path: string, text: string): { kinds: readonly string[]; images: string[] } {
  const { kinds, uses } = readFileReferences(path, Buffer.from(text));
  return { kinds, images: show(uses) };
}
