import type { TagOnly } from '../../engine/world.ts';

/** `a, b, c and 7 more` */
export function listed(names: readonly string[], most: number): string {
  const more = names.length - most;
  return more > 0 ? `${names.slice(0, most).join(', ')} and ${more} more` : names.join(', ');
}

/** "1 image", "2 images" */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

const mostNames = 20;

/**
 * All names of an image in one line, without digests: `ghcr.io/acme/app:1.2.0, :1.2, :latest`. A
 * tag alone is one of the repository before it.
 */
export function namesInWords(references: readonly string[], image: string): string {
  return listed(shortNames(references, image), mostNames);
}

/** The same as a list. */
export function shortNames(references: readonly string[], image: string): readonly string[] {
  let before: string | undefined;
  return bareNames(references, image).map((name) => {
    const [, repository = name, tag] = /^(.+):([^:/]+)$/s.exec(name) ?? [];
    const short = tag !== undefined && repository === before ? `:${tag}` : name;
    before = repository;
    return short;
  });
}

/** Every name once, without its digest. */
export function bareNames(references: readonly string[], image: string): readonly string[] {
  const names = references.length > 0 ? references : [image];
  return [...new Set(names.map((name) => name.replace(/@sha256:.*$/s, '')))];
}

/** What to say before bare tags are signed: one warning, however many there are. */
export function tagWarning(tags: readonly TagOnly[]): string {
  const fix =
    'Add `digest: ${{ steps.build.outputs.digest }}` to sign exactly what was pushed. If that line is there, it is empty: the `id` of the step that pushes is another one.';
  const [first] = tags;
  if (tags.length === 1 && first !== undefined)
    return `${first.reference} is a tag, and a tag can move between the push and this step; it was ${first.digest} just now. ${fix}`;
  return `${namesOf(tags)} are tags, and tags can move between the push and this step; the lines below say which digest each was just now. ${fix}`;
}

/** What to say when bare tags are verified: one notice, however many there are. */
export function tagNotice(tags: readonly TagOnly[]): string {
  const fix = 'What later steps use should be output images.';
  const [first] = tags;
  if (tags.length === 1 && first !== undefined)
    return `${first.reference} is a tag, and a tag can move; it was ${first.digest} just now. ${fix}`;
  return `${namesOf(tags)} are tags, and tags can move; the lines below say which digest each was just now. ${fix}`;
}

function namesOf(tags: readonly TagOnly[]): string {
  return listed(
    tags.map(({ reference }) => reference),
    3,
  );
}
