type Environment = Readonly<Record<string, string | undefined>>;

/** What a reader puts the place of this action for, where the runner does not say it. */
const placeholder = { name: 'OWNER/sign-image', ref: 'v1' };

/**
 * `owner/name` and ref of the repository that the workflow takes this action from, as the runner
 * says (GITHUB_ACTION_REPOSITORY, GITHUB_ACTION_REF). For `uses: ./…` it names none: then as our
 * reusable workflows say, which run the action out of a checkout (SIGN_IMAGE_USES, `owner/name@ref`).
 */
function ownRepository(env: Environment): { name: string; ref: string } | undefined {
  const { GITHUB_ACTION_REPOSITORY, GITHUB_ACTION_REF = '', SIGN_IMAGE_USES = '' } = env;
  const said = GITHUB_ACTION_REPOSITORY
    ? `${GITHUB_ACTION_REPOSITORY}@${GITHUB_ACTION_REF}`
    : SIGN_IMAGE_USES;
  const [, name, ref] = /^([\w.-]+\/[\w.-]+)@([\w.+-]+(?:\/[\w.+-]+)*)$/.exec(said) ?? [];
  return name === undefined || ref === undefined ? undefined : { name, ref };
}

/** What stands behind `uses:` for this action, or for the one in one of its folders. */
export function ownUses(env: Environment, folder?: 'verify'): string {
  const { name, ref } = ownRepository(env) ?? placeholder;
  return `${name}${folder === undefined ? '' : `/${folder}`}@${ref}`;
}

/** An advice that names our actions as `OWNER/sign-image@v1`, as this workflow has to name them. */
export function withOwnUses(text: string, env: Environment): string {
  const { name, ref } = ownRepository(env) ?? placeholder;
  return text.replace(
    /\bOWNER\/sign-image(\/\w+)?@v1/g,
    (_, folder = '') => `${name}${folder}@${ref}`,
  );
}

/**
 * The page of the troubleshooting chapter about a code, in the version of the action that runs;
 * undefined where the runner does not say which that is: no address is made up.
 * @param chapter the anchor of `docs/troubleshooting.md`
 */
export function chapterUrl(chapter: string, env: Environment): string | undefined {
  const own = ownRepository(env);
  const server = env.GITHUB_SERVER_URL ?? '';
  if (own === undefined || !/^https:\/\/[\w.:-]+$/.test(server)) return undefined;
  return `${server}/${own.name}/blob/${own.ref}/docs/troubleshooting.md#${chapter}`;
}

/** Codes that a step can fail with, and an image too: the second chapter has another anchor. */
const twice: readonly string[] = ['too-large', 'registry-error'];

/** The anchor of the chapter about the code of an image that did not verify. */
export function imageChapter(code: string): string {
  return twice.includes(code) ? `${code}-image` : code;
}
