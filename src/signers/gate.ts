import type { Requirement, RequirementFor } from '../engine/requirement.ts';
import { formatRepository } from '../image/reference.ts';
import type { PolicyFile } from '../policies/read.ts';
import type { AskedImage } from './choose.ts';
import type { KnownImages, Mirror } from './list.ts';
import { isSignerList, readSignerLists } from './read.ts';
import { openKnownSigners } from './require.ts';

type Known = (image: AskedImage) => Requirement | undefined;

/** The list that comes with this program, with mirrors of one's own. */
export async function published(mirrors: readonly Mirror[]): Promise<Known> {
  const { default: list } = await import('./published.json', { with: { type: 'json' } });
  return openKnownSigners({ entries: list.entries as readonly KnownImages[], mirrors });
}

/** The lists among the files of input `policy`. */
export interface OwnLists {
  /** the other files, which are policies */
  readonly others: readonly PolicyFile[];
  readonly mirrors: readonly Mirror[];
  /**
   * Puts lists and policies together: what speaks of an image must hold.
   * @param policies what the other files ask; undefined where there are none
   */
  readonly requirementFor: (image: AskedImage, policies: Requirement | undefined) => Requirement;
}

/** @throws {Failure} `bad-policy` */
export function openOwnLists(files: readonly PolicyFile[]): OwnLists {
  const lists = files.filter(({ text }) => isSignerList(text));
  const list = readSignerLists(lists);
  const known = openKnownSigners(list);
  const names = lists.map(({ path }) => path).join(', ');
  return {
    others: files.filter((file) => !lists.includes(file)),
    mirrors: list.mirrors,
    requirementFor(image, policies = silence(image, names)) {
      const asked = known(image);
      if (asked === undefined) return policies;
      if (isSilence(policies)) return asked;
      if (asked.kind === 'open') return policies;
      return { kind: 'count', of: [policies, asked], count: 2 };
    },
  };
}

function silence({ name }: AskedImage, names: string): Requirement {
  const reason = `No entry in ${names} speaks of ${formatRepository(name)}.`;
  return { kind: 'fail', reason, isSilence: true };
}

function isSilence(requirement: Requirement): boolean {
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
