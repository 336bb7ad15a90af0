import { type Changed, type OpenedPullRequest, openChanged } from '../edges/action/changed.ts';
import type { Machine } from '../edges/action/sign.ts';
import type { VerifyInputs } from '../edges/inputs/verify.ts';
import { Failure } from '../failure.ts';
import type { Digest } from '../image/digest.ts';
import { formatReference } from '../image/reference.ts';
import { mergeTargets, type Target } from '../image/targets.ts';
import { type ChosenImages, chooseImages } from '../references/chosen-images.ts';
import { type Globs, readGlobs } from '../references/glob.ts';
import { type ImageUse, mostFileBytes } from '../references/image-use.ts';
import { shown } from '../text/untrusted.ts';
import type { Network } from './network.ts';
import { readFiles } from './read-files.ts';
import type { NotJudged, Source, VerifyResult } from './verify-result.ts';
import { listFiles, lookUpWorkspaceFile, readWorkspaceFile } from './workspace-files.ts';

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
 * Reads image references out of the files that input `files` chooses; with `changed-only`, out of
 * those that the pull request changes, as its head has them.
 * @param opened the pull request that `changed-only` is about; undefined: all files are judged
 * @throws {Failure} `bad-input`, `too-large`, `github-error`
 */
export async function findReferences(
  inputs: VerifyInputs,
  opened: OpenedPullRequest | undefined,
  network: Network,
  machine: Machine,
): Promise<FileFindings> {
  const globs = readGlobs(inputs.files);
  const images = chooseImages(inputs.onlyImages, inputs.skipImages);
  if (machine.env.GITHUB_EVENT_NAME === 'pull_request_target' && !inputs.changedOnly) {
    machine.log.warning(
      'On pull_request_target the checkout is the base of the pull request, and `files` are judged as they are in the checkout. Add `changed-only: true` to judge what the pull request changes.',
    );
  }
  const root = machine.env.GITHUB_WORKSPACE || '.';
  const changed = opened && (await openChanged(opened, globs, machine));
  const listed = changed ?? (await allFiles(root, globs));
  const read = await readFiles(listed, globs, network);
  tellStrangers(
    read.filter(({ kinds }) => kinds.length === 0).map(({ file }) => file),
    machine,
  );
  tellMentions(read, machine);
  const problems = listed.problems.map(({ file, why }) => ({
    file,
    uses: [{ line: 1, written: file, why }],
  }));
  return gather([...read, ...problems], images, changed !== undefined, listed.files.length);
}

/** All files of the workspace that globs choose. */
async function allFiles(root: string, globs: Globs): Promise<Changed> {
  const { files, linkedFolders } = await listFiles(root, globs);
  return {
    files,
    problems: linkedFolders.map((file) => ({
      file,
      why: 'is a link to a folder, and links are not followed',
    })),
    contentOf: (file) => readWorkspaceFile(root, file, mostFileBytes),
    lookUp: (path) => lookUpWorkspaceFile(root, path, mostFileBytes),
  };
}

function tellStrangers(files: readonly string[], { log }: Machine): void {
  if (files.length === 0) return;
  const shown =
    files.length > 10
      ? `${files.slice(0, 10).join(', ')} and ${files.length - 10} more`
      : files.join(', ');
  log.notice(
    `No image reference was looked for in ${shown}: not a Dockerfile, manifest, compose file, workflow or values with an image.`,
  );
}

/** What only another program knows to be an image: a person should know that nobody judged it. */
function tellMentions(
  read: readonly { file: string; uses: readonly ImageUse[] }[],
  { log }: Machine,
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
  log.notice(
    ['These may be images and are not judged:', ...mentions.slice(0, most), ...more].join('\n'),
  );
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
    resolved.map(({ name, file, line }) => ({ reference: name, file, line })),
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
      .map(({ name, reference, file, line }) => ({ name, digest: reference.digest, file, line })),
    ...open.filter(isOther).map(({ written, file, line }) => ({ name: written, file, line })),
  ];
  return { targets, places, unresolved, notJudged: byName(notJudged), changedOnly, files };
}

function byName(
  uses: readonly { name: string; digest?: Digest | undefined; file: string; line: number }[],
): readonly NotJudged[] {
  return [...Map.groupBy(uses, ({ name }) => name)].map(([reference, same]) => ({
    reference,
    ...(same[0]?.digest === undefined ? {} : { digest: same[0].digest }),
    sources: same.map(({ file, line }) => ({ reference, file, line })),
  }));
}

function unresolvedResult(
  { line, written, why }: Extract<ImageUse, { why: string }>,
  file: string,
): VerifyResult {
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
    sources: [{ reference, file, line }],
  };
}
