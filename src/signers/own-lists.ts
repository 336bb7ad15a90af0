import { formatRepository } from '../image/reference.ts';
import type { PolicyFile } from '../policies/read.ts';
import type { Requirement } from '../signature/requirement.ts';
import type { AskedImage } from './choose.ts';
import { isSilence } from './gate.ts';
import type { KnownImages, Mirror } from './list.ts';
import { isSignerList, readSignerLists } from './read.ts';
import { openKnownSigners } from './require.ts';

/** The lists among the files of input `policy`. */
export interface OwnLists {
  /** the other files: policies, and what lies in their folders */
  readonly others: readonly PolicyFile[];
  readonly mirrors: readonly Mirror[];
  readonly entries: readonly KnownImages[];
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
    others: files
      .filter((file) => !lists.includes(file))
      .map((file) =>
        lists.some(({ entry }) => entry !== undefined && entry === file.entry)
          ? { ...file, besideList: true }
          : file,
      ),
    mirrors: list.mirrors,
    entries: list.entries,
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
