import { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import { formatReference } from '../image/reference.ts';
import { mergeTargets, type Target } from '../image/targets.ts';
import { type ChosenImages, chooseImages } from '../references/chosen-images.ts';
import { readGlobs } from '../references/glob.ts';
import type { ImageUse, Workload } from '../references/image-use.ts';
import { shown } from '../text/untrusted.ts';
import { readFiles } from './read-files.ts';
import type { VerifyRequest } from './request.ts';
import type { NotJudged, Source, VerifyResult } from './verify-result.ts';
import type { World } from './world.ts';

/** What the files of input `files` name. */
export interface FileFindings {
  /** each image once, however many places name it */
  readonly targets: readonly Target[];
  /** the places of each reference, by its normalized text */
  readonly places: ReadonlyMap<string, readonly Source[]>;
  /** references that the files alone do not resolve, as results */
  readonly unresolved: readonly VerifyResult[];
  /** what inputs `only-images` and `skip-images` leave out */
  readonly notJudged: readonly NotJudged[];
  /** only files that a pull request changes were read; then finding nothing is no mistake */
  readonly changedOnly: boolean;
  /** how many files were read */
  readonly files: number;
}

const mostUses = 10_000;

/**
 * Reads image references out of the files that the request chooses.
 * @throws {Failure} `bad-input`, `too-large`, `github-error`
 */
export async function findReferences(request: VerifyRequest, world: World): Promise<FileFindings> {
  const globs = readGlobs(request.files);
  const images = chooseImages(request.onlyImages, request.skipImages);
  const listed = await world.files.choose(globs);
  const read = await readFiles(listed, globs, world);
  tellStrangers(
    read.filter(({ kinds }) => kinds.length === 0).map(({ file }) => file),
    world,
  );
  tellMentions(read, world);
  const problems = listed.problems.map(({ file, why }) => ({
    file,
    uses: [{ line: 1, written: file, why }],
  }));
  return gather([...read, ...problems], images, listed.changedOnly, listed.files.length);
}

function tellStrangers(files: readonly string[], { tell }: World): void {
  if (files.length === 0) return;
  const shown =
    files.length > 10
      ? `${files.slice(0, 10).join(', ')} and ${files.length - 10} more`
      : files.join(', ');
  tell({
    kind: 'notice',
    text: `No image reference was looked for in ${shown}: not a Dockerfile, manifest, compose file, workflow or values with an image.`,
  });
}

/** What only another program knows to be an image: a person should know that nobody judged it. */
function tellMentions(
  read: readonly { file: string; uses: readonly ImageUse[] }[],
  { tell }: World,
): void {
  const mentions = read.flatMap(({ file, uses }) =>
    uses.flatMap((use) =>
      'told' in use
        ? [`${shown(file)}:${use.line}: \`${use.written.replaceAll('`', "'")}\` ${use.told}`]
        : [],
    ),
  );
  if (mentions.length === 0) return;
  const most = 20;
  const more = mentions.length > most ? [`and ${mentions.length - most} more`] : [];
  const lines = ['These may be images and are not judged:', ...mentions.slice(0, most), ...more];
  tell({ kind: 'notice', text: lines.join('\n') });
}

function gather(
  read: readonly { file: string; uses: readonly ImageUse[] }[],
  images: ChosenImages,
  changedOnly: boolean,
  files: number,
): FileFindings {
  const uses = read.flatMap(({ file, uses: found }) => found.map((use) => ({ ...use, file })));
  if (uses.length > mostUses) {
    throw new Failure(
      'too-large',
      `The files name images in ${uses.length} places; one step takes ${mostUses}.`,
      'Split `files` over several steps or a matrix.',
    );
  }
  const named = uses.flatMap((use) =>
    'reference' in use ? [{ ...use, name: formatReference(use.reference) }] : [],
  );
  const resolved = named.filter(({ reference }) => images.isChosen(reference));
  const open = uses.flatMap((use) => ('why' in use ? [use] : []));
  const isOther = ({ open: text }: { open?: string }) => text !== undefined && images.isOther(text);
  const places = Map.groupBy(
    resolved.map(({ name, ...use }) => sourceOf(name, use)),
    ({ reference }) => reference,
  );
  const targets = mergeTargets(
    resolved.map(({ reference, name }) => ({
      reference,
      ...(reference.digest === undefined ? {} : { digest: reference.digest }),
      references: [name],
      source: 'files' as const,
    })),
  );
  const unresolved = open
    .filter((use) => !isOther(use))
    .map((use) => unresolvedResult(use, use.file));
  const notJudged = [
    ...named
      .filter(({ reference }) => !images.isChosen(reference))
      .map(({ name, reference, ...use }) => ({
        name,
        digest: reference.digest,
        source: sourceOf(name, use),
      })),
    ...open
      .filter(isOther)
      .map(({ written, ...use }) => ({ name: written, source: sourceOf(written, use) })),
  ];
  return { targets, places, unresolved, notJudged: byName(notJudged), changedOnly, files };
}

function byName(
  uses: readonly { name: string; digest?: Digest | undefined; source: Source }[],
): readonly NotJudged[] {
  return [...Map.groupBy(uses, ({ name }) => name)].map(([reference, same]) => ({
    reference,
    ...(same[0]?.digest === undefined ? {} : { digest: same[0].digest }),
    sources: same.map(({ source }) => source),
  }));
}

function sourceOf(
  reference: string,
  { file, line, workload }: { file: string; line: number; workload?: Workload },
): Source {
  return { reference, file, line, ...(workload === undefined ? {} : { workload }) };
}

function unresolvedResult(use: Extract<ImageUse, { why: string }>, file: string): VerifyResult {
  const { written, why } = use;
  const reference = written === '' ? file : written;
  return {
    image: reference,
    references: [reference],
    partOf: [],
    asked: true,
    verified: false,
    code: 'unresolved',
    reason: `\`${reference.replaceAll('`', "'")}\` ${why}.`,
    signatures: [],
    sources: [sourceOf(reference, { ...use, file })],
  };
}
