import { formatRepository } from '../image/reference.ts';
import type { Requirement, RequirementFor } from '../signature/requirement.ts';
import type { AskedImage } from './choose.ts';
import type { KnownImages, Mirror } from './list.ts';
import { openKnownSigners } from './require.ts';

type Known = (image: AskedImage) => Requirement | undefined;

/** The list that comes with this program, with mirrors of one's own. */
export async function published(mirrors: readonly Mirror[]): Promise<Known> {
  return openKnownSigners({ entries: await publishedEntries(), mirrors });
}

/** The entries of that list. */
export async function publishedEntries(): Promise<readonly KnownImages[]> {
  const { default: list } = await import('./published.json', { with: { type: 'json' } });
  return list.entries as readonly KnownImages[];
}

/** True where nothing that was read speaks of the image. */
export function isSilence(requirement: Requirement): boolean {
  return requirement.kind === 'fail' && requirement.isSilence === true;
}

/**
 * What is asked with known signers besides: one's own policies come first, and where they say
 * nothing the publisher counts. An identity or key of one's own speaks of every image: it is enough,
 * and so is the publisher of an image that the list knows.
 */
export function beside(own: RequirementFor, known: Known): RequirementFor {
  return (image) => {
    const asked = own(image);
    const publisher = known(image);
    if (isSilence(asked)) return publisher ?? unknown(image);
    // Policies that speak have the last word; an identity of the inputs has no policy's name.
    if (publisher === undefined || !isOfInputs(asked)) return asked;
    return { kind: 'count', of: [asked, publisher], count: 1 };
  };
}

function isOfInputs(requirement: Requirement): boolean {
  if (requirement.kind === 'count') return requirement.of.some(isOfInputs);
  return 'policy' in requirement && requirement.policy.fromInputs === true;
}

function unknown({ name }: AskedImage): Requirement {
  return { kind: 'open', reason: `Nobody is known to sign ${formatRepository(name)}.` };
}
