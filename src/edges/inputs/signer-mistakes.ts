import { Failure } from '../../failure.ts';
import { hasHidden, shown } from '../../text/untrusted.ts';
import { type Claims, claimEntries } from '../claims.ts';

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

/** @throws {Failure} `bad-input` for a claim that no certificate makes */
export function checkClaims(asked: Claims): void {
  for (const { claim, value } of claimEntries(asked)) {
    const { input, form, what, meant } = claim;
    if (form.test(value)) continue;
    throw bad(
      `Input ${input} is "${shown(value, 200)}", which ${what}.`,
      `Write for example:\n\`\`\`yaml\nwith:\n  ${input}: ${shown(meant(value), 200)}\n\`\`\``,
    );
  }
}

function bad(message: string, fix: string): Failure {
  return new Failure('bad-input', message, fix);
}
