import type { Failure } from '../failure.ts';
import { bad } from './key-text.ts';

/** Private keys are kept in secrets, public ones in variables. */
type Kind = 'private' | 'public';

interface Hint {
  /** its groups together are the name to use; nothing secret has such a form */
  readonly form: RegExp;
  readonly what: string;
  readonly meant: (name: string, kind: Kind) => string;
}

const expression = (name: string, kind: Kind) =>
  `\${{ ${kind === 'private' ? 'secrets' : 'vars'}.${name} }}`;

const certain: readonly Hint[] = [
  {
    form: /^(arn:aws[a-z-]*:kms:[\w:/.-]{1,300})$/,
    what: 'is the ARN of a key in AWS KMS, and nothing in front says so',
    meant: (name) => `awskms:///${name}`,
  },
  {
    form: /^https:\/\/([\w.-]{1,200}\.vault\.azure\.net\/)keys\/([\w/-]{1,200})$/,
    what: 'is the address of a key in Azure Key Vault, and not its reference',
    meant: (name) => `azurekms://${name}`,
  },
  {
    form: /^env(?::\/?|\/\/|\.)(\w{1,64})$/i,
    what: 'names a variable in a form that is not read',
    meant: (name) => `env://${name}`,
  },
  {
    form: /^\$\{?(?:env[.:])?(\w{1,64})\}?$/i,
    what: 'names a variable as a shell does, and no shell reads inputs',
    meant: (name) => `env://${name}`,
  },
  {
    form: /^(?:\$?\{\{?)?\s*(?:secrets|vars)\.(\w{1,64})\s*(?:\}\}?)?$/i,
    what: 'names a secret or a variable, and is not its value: it lacks the `${{ }}` of an expression',
    meant: expression,
  },
  {
    form: /^file:(?:\/\/)?([\w./-]{1,200})$/i,
    what: 'is an address; a file is named by its path',
    meant: (name) => name,
  },
];

/** What may be a path as well. */
const whereNoFile: readonly Hint[] = [
  {
    form: /^(alias\/[\w/-]{1,250})$/,
    what: 'is an alias of a key in AWS KMS, and nothing in front says so',
    meant: (name) => `awskms:///${name}`,
  },
  {
    form: /^(projects\/[\w./:-]{1,200}\/cryptoKeys\/[\w./-]{1,200})$/,
    what: 'is the name of a key in Google Cloud KMS, and nothing in front says so',
    meant: (name) => `gcpkms://${name}`,
  },
  {
    form: /^([A-Z][A-Z0-9]{0,30}_[A-Z0-9_]{1,60})$/,
    what: 'looks like the name of a secret or a variable; what counts is its value',
    meant: expression,
  },
];

/** The failure for a text that is no reference, where it is known which one was meant. */
export function keyHint(text: string, input: string, kind: Kind): Failure | undefined {
  return hintFrom(certain, text, input, kind);
}

/** The same for a text that could be a path, and no file can be read there. */
export function missingFileHint(text: string, input: string, kind: Kind): Failure | undefined {
  return hintFrom(whereNoFile, text, input, kind);
}

function hintFrom(
  hints: readonly Hint[],
  text: string,
  input: string,
  kind: Kind,
): Failure | undefined {
  for (const { form, what, meant } of hints) {
    const found = form.exec(text);
    if (found === null) continue;
    const name = found.slice(1).join('');
    return bad(
      `\`${input}\` ${what}`,
      `Write it like this:\n\`\`\`yaml\nwith:\n  ${input}: ${meant(name, kind)}\n\`\`\``,
    );
  }
  return undefined;
}
