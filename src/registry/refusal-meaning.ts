/** What a refusal means in plain words, and what a person can do about it. */
export interface Meaning {
  /** a whole sentence */
  readonly sentence: string;
  readonly fix: string;
}

interface Rule {
  readonly statuses?: readonly number[];
  /** of code and message together */
  readonly words: RegExp;
  readonly meaning: (reads: boolean) => Meaning;
}

/**
 * Reasons that have nothing to do with the login or with us, by the words of registries: Harbor,
 * distribution, Quay, GitLab, Artifactory, Nexus, Amazon ECR, Azure, Google.
 */
const rules: readonly Rule[] = [
  {
    words:
      /POLICY_?VIOLATION|\bpolic(y|ies)\b|not signed by|quarantin|blocked by|vulnerab|\bxray\b/i,
    meaning: (reads) => ({
      sentence: 'A policy of the registry forbids it.',
      fix: reads
        ? 'Do what the policy asks for, or have the people who run the registry exempt this image: until then nobody can pull it, and nothing can be said of its signatures.'
        : 'Do what the policy asks for, or have the people who run the registry exempt this account. Harbor lets an account read and sign an image that is not signed yet if it has the right to push.',
    }),
  },
  {
    words:
      /proxy (project|cache|repo)|pull[- ]?through|\bmirror|(remote|virtual|proxy) repositor|read[- ]?only/i,
    meaning: readOnly,
  },
  // distribution answers so to every write when it is a mirror (`proxy.remoteurl`).
  { statuses: [405], words: /^UNSUPPORTED\b/, meaning: readOnly },
  {
    statuses: [507],
    words: /^/,
    meaning: quota,
  },
  {
    words:
      /quota|storage limit|(exceed|reach)\w* (the |your |its )?(\w+ ){0,3}(upper |storage |plan |package )?(limit|capacity|allowance)|LimitExceeded|insufficient storage|no space left|storage (is )?full|out of (disk )?space/i,
    meaning: quota,
  },
  { statuses: [413], words: /^/, meaning: size },
  {
    words:
      /too large|larger than|size (limit|exceeds)|exceeds? the (maximum|allowed) size|ENTITY_TOO_LARGE/i,
    meaning: size,
  },
];

/**
 * Recognises why a registry refuses: a quota, a limit of size, a policy, a repository that takes no
 * writes. Undefined where its words say nothing of the kind.
 * @param said `CODE: message` of each error, as `errorsOf` cleans them
 * @param reads true for a run that only reads
 */
export function meaningOf(
  status: number,
  said: readonly string[],
  reads: boolean,
): Meaning | undefined {
  const texts = said.length === 0 ? [''] : said;
  // Amazon names its policies where an account lacks a right: that is for whoever gives rights.
  if (texts.some((text) => /not authorized to perform|no [\w-]+ policy allows/i.test(text)))
    return undefined;
  return rules
    .find(
      ({ statuses, words }) =>
        (statuses?.includes(status) ?? true) && texts.some((text) => words.test(text)),
    )
    ?.meaning(reads);
}

function readOnly(): Meaning {
  return {
    sentence:
      'This repository takes nothing from clients: it is a mirror of another registry, or read-only.',
    fix: 'Name the image where it was pushed, in its own registry, and sign it there. If the whole registry is read-only for a while, run the job again later.',
  };
}

function quota(): Meaning {
  return {
    sentence: 'There is no room left: a quota of the registry is used up.',
    fix: 'Delete what is not needed there, or have the quota raised; then run the job again. A signature takes about ten thousand bytes.',
  };
}

function size(): Meaning {
  return {
    sentence:
      'That is more in one request than the registry, or a proxy in front of it, lets through.',
    fix: 'Have the limit raised where it is set (in nginx: `client_max_body_size`); a signature takes about ten thousand bytes. Fewer or shorter `annotations` make it smaller.',
  };
}
