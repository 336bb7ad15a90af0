// Everything that the page shows for a choice.
import { Failure } from '../../src/failure.ts';
import { formatRepository, parseReference } from '../../src/image/reference.ts';
import { byKey, type Choice, inService, type Typed } from './choices.ts';
import { preparations, serviceOf, suggestedImage } from './logins.ts';
import { cosignText, policyFor, policyPath, verifyStep } from './policies.ts';
import { gateWorkflow, namesOf, publishWorkflow } from './workflows.ts';

/** A text to copy: where it goes, what it is. */
export interface Piece {
  readonly id: string;
  readonly title: string;
  /** path in the repository; absent for what is pasted into something */
  readonly file?: string;
  readonly language: 'yaml' | 'json' | 'sh';
  readonly text: string;
}

/** What is missing, as a sentence. */
export interface Note {
  readonly id: string;
  readonly title: string;
  readonly reason: string;
}

export interface Built {
  readonly parts: readonly (Piece | Note)[];
  /** what has to be there before the first run */
  readonly before: readonly string[];
}

/** What is wrong with what was typed, by the name of the field. */
export type Mistakes = Partial<Record<keyof Typed, string>>;

/**
 * The texts for a choice, or what has to be typed otherwise. What is typed stands in YAML and in
 * commands, so it is held against narrow patterns first.
 */
export function build(choice: Choice): Built | { readonly mistakes: Mistakes } {
  const mistakes = mistakesIn(choice);
  if (Object.keys(mistakes).length > 0) return { mistakes };
  const whole = completed(choice);
  return {
    parts: [
      {
        id: 'workflow',
        title: 'Workflow',
        file: `.github/workflows/${namesOf(whole).publish.file}`,
        language: 'yaml',
        text: publishWorkflow(whole),
      },
      ...gateParts(whole),
      {
        id: 'step',
        title: 'A step that verifies, before a deployment',
        language: 'yaml',
        text: verifyStep(whole),
      },
      { id: 'cosign', title: 'The same with cosign', language: 'sh', text: cosignText(whole) },
      ...policyParts(whole),
    ],
    before: preparations(whole),
  };
}

/** What is left empty is what the registry and the service suggest. */
export function completed(choice: Choice): Choice {
  const named = parseReference(choice.image.trim() || suggestedImage(choice));
  return {
    ...choice,
    image: formatRepository(named),
    keyAddress: choice.keyAddress.trim() || (serviceOf(choice)?.address ?? ''),
    publicKey: pemOf(choice.publicKey),
  };
}

function pemOf(text: string): string {
  const lines = text.replace(/\r\n?/g, '\n').trim();
  return lines === '' ? '' : `${lines}\n`;
}

function gateParts(choice: Choice): readonly (Piece | Note)[] {
  if (choice.gate === 'none') return [];
  const title = 'Gate of pull requests';
  const path = choice.gate === 'policies' ? policyPath(choice) : undefined;
  if (path !== undefined && 'reason' in path) return [{ id: 'gate', title, reason: path.reason }];
  return [
    {
      id: 'gate',
      title,
      file: `.github/workflows/${namesOf(choice).gate.file}`,
      language: 'yaml',
      text: gateWorkflow(choice, path?.path),
    },
  ];
}

function policyParts(choice: Choice): readonly (Piece | Note)[] {
  const policy = policyFor(choice);
  if ('reason' in policy) return [{ id: 'policy', title: 'Policy', reason: policy.reason }];
  return Object.entries(policy.files).map(([name, text], index) => ({
    id: `policy${index === 0 ? '' : `-${index + 1}`}`,
    title: index === 0 ? 'Policy' : 'Where to look for signatures',
    file: `policies/${name}`,
    language: name.endsWith('.json') ? 'json' : 'yaml',
    text,
  }));
}

function mistakesIn(choice: Choice): Mistakes {
  const { owner, repository, branch, image, keyAddress, publicKey } = choice;
  const wrong = (fits: boolean, name: keyof Typed, sentence: string): Mistakes =>
    fits ? {} : { [name]: sentence };
  return {
    ...wrong(
      /^[\w-]{1,39}$/.test(owner),
      'owner',
      'An account of GitHub: letters, digits and "-".',
    ),
    ...wrong(
      /^[\w-]{1,39}\/[\w.-]{1,100}$/.test(repository),
      'repository',
      'The repository as owner/name.',
    ),
    ...wrong(
      /^[A-Za-z0-9](?:[\w./-]*[\w-])?$/.test(branch) && !branch.includes('..'),
      'branch',
      'A branch of letters, digits and "-", "_", ".", "/".',
    ),
    ...imageMistake(image.trim() || suggestedImage(choice)),
    ...(inService(choice)
      ? wrong(
          keyAddress.trim() === '' || addressOf(choice).test(keyAddress.trim()),
          'keyAddress',
          `An address like ${serviceOf(choice)?.address}.`,
        )
      : {}),
    ...(byKey(choice) ? keyMistake(publicKey) : {}),
  };
}

function addressOf({ signer }: Choice): RegExp {
  return new RegExp(`^${signer}://[\\w./:@-]*[\\w-]$`);
}

function imageMistake(image: string): Mistakes {
  if (image === '') return {};
  try {
    const { tag, digest } = parseReference(image, 'image');
    return tag === undefined && digest === undefined
      ? {}
      : { image: 'The name without a tag or digest: the workflow makes the tags.' };
  } catch (caught) {
    if (caught instanceof Failure) return { image: caught.message };
    throw caught;
  }
}

function keyMistake(text: string): Mistakes {
  const pem = pemOf(text);
  if (/PRIVATE KEY/.test(pem))
    return {
      publicKey:
        'This is a private key. Nobody else may see it; here belongs the public one, cosign.pub.',
    };
  const lines =
    /^-----BEGIN PUBLIC KEY-----\n(?:[A-Za-z0-9+/]{1,64}={0,2}\n)+-----END PUBLIC KEY-----\n$/;
  return pem === '' || lines.test(pem)
    ? {}
    : { publicKey: 'The text of cosign.pub, from -----BEGIN PUBLIC KEY----- to its end.' };
}
