import { Failure } from '../../failure.ts';
import type { GithubClaims } from '../../signature/policy.ts';
import { hasHidden, shown } from '../../text/untrusted.ts';

// What is written of a signer and can fit nobody: told before anything is contacted. What nearly
// fits somebody is told when it is known who signed (near-identity.ts).

/** Entries of the inputs that name signers, as they were written. */
export interface WrittenSigner {
  readonly identity: readonly string[];
  /** exact ones and patterns */
  readonly issuer: readonly unknown[];
}

type Slip = readonly [applies: (text: string) => boolean, what: string, fix: string];

const slips: readonly Slip[] = [
  [
    (text) => /^[-*]\s/.test(text),
    'begins as an entry of a list',
    'Remove the dash: an input is text, one entry a line.',
  ],
  [(text) => /^(["'`]).*\1$/.test(text), 'has quotes around it', 'Remove the quotes.'],
  [
    (text) => /\s#/.test(text),
    'has a comment behind it',
    'Write the comment on a line of its own, which begins with "#".',
  ],
  [
    (text) => /\$\{|\$\(|\$[A-Za-z_]|%[A-Z_]+%/.test(text),
    'has a variable in it that was not replaced',
    'Use an expression of the workflow: `${{ … }}` in the `with:` of the step.',
  ],
  [hasHidden, 'has a character in it that cannot be seen', 'Type it again.'],
];

/** @throws {Failure} `bad-input` for an entry that can fit nobody */
export function checkEntries(name: string, entries: readonly string[]): void {
  for (const entry of entries) {
    const slip = slips.find(([applies]) => applies(entry));
    if (slip === undefined) continue;
    const [, what, fix] = slip;
    throw bad(`Input ${name}: "${shown(entry, 200)}" ${what}.`, fix);
  }
}

/**
 * An e-mail address is a person's, and GitHub's issuer vouches for workflows alone.
 * @throws {Failure} `bad-input`
 */
export function checkIssuerNamed({ identity, issuer }: WrittenSigner): void {
  const [person] = identity;
  const persons = identity.every((text) => /^[^/\s@]+@[^/\s@]+\.[^/\s@]+$/.test(text));
  if (person === undefined || !persons || issuer.length > 0) return;
  throw bad(
    `Input certificate-identity is an e-mail address, "${shown(person)}", and without certificate-oidc-issuer the issuer is that of GitHub's workflows.`,
    'Name the issuer that this person signs with:\n```yaml\nwith:\n  certificate-oidc-issuer: https://accounts.google.com\n```\nor `https://github.com/login/oauth` for an account of GitHub.',
  );
}

interface Claim {
  readonly input: string;
  readonly form: RegExp;
  readonly what: string;
  readonly meant: (text: string) => string;
}

const claims: Readonly<Record<keyof GithubClaims, Claim>> = {
  repository: {
    input: 'github-repository',
    form: /^[\w.-]+\/[\w.-]+$/,
    what: 'is not owner/name',
    meant: (text) => /([\w-]+\/[\w.-]+?)(?:\.git)?\/?$/.exec(text)?.[1] ?? 'OWNER/NAME',
  },
  ref: {
    input: 'github-ref',
    form: /^refs\//,
    what: 'is not a whole ref',
    meant: (text) => `refs/${/^v?\d+(\.|$)/.test(text) ? 'tags' : 'heads'}/${text}`,
  },
  sha: {
    input: 'github-sha',
    form: /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/,
    what: 'is not a whole commit, which has 40 digits in lower case',
    meant: () => '${{ github.sha }}',
  },
  event: {
    input: 'github-event',
    form: /^\w+$/,
    what: 'is not the name of an event',
    meant: () => 'push',
  },
  workflowRef: {
    input: 'github-workflow-ref',
    form: /^[\w.-]+\/[\w.-]+\/[^@]+@refs\/.+$|^[\w.-]+\/[\w.-]+\/[^@]+@[0-9a-f]{40}$/,
    what: 'is not owner/name/path@ref',
    meant: (text) => {
      const [path = '', ref = 'main'] = text.replace(/^https?:\/\/[^/]+\//, '').split('@');
      const whole = /\.ya?ml$/.test(path) && path.split('/').length > 2;
      return `${whole ? path : 'OWNER/NAME/.github/workflows/FILE.yml'}@${ref.startsWith('refs/') ? ref : `refs/heads/${ref}`}`;
    },
  },
  runnerEnvironment: {
    input: 'github-runner-environment',
    form: /^(?:github-hosted|self-hosted)$/,
    what: 'is not `github-hosted` or `self-hosted`',
    meant: () => 'github-hosted',
  },
};

/** @throws {Failure} `bad-input` for a claim that no certificate makes */
export function checkClaims(asked: GithubClaims): void {
  for (const [name, text] of Object.entries(asked) as [keyof GithubClaims, string][]) {
    const { input, form, what, meant } = claims[name];
    if (form.test(text)) continue;
    throw bad(
      `Input ${input} is "${shown(text, 200)}", which ${what}.`,
      `Write for example:\n\`\`\`yaml\nwith:\n  ${input}: ${shown(meant(text), 200)}\n\`\`\``,
    );
  }
}

function bad(message: string, fix: string): Failure {
  return new Failure('bad-input', message, fix);
}
