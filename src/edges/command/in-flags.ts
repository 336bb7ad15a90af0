// Sentences are written once, for the actions: there an input is set in YAML. On a command line it
// is a flag.

/**
 * A sentence for a command line: `Input key is empty` becomes `--key is empty`, `` `tlog: false` ``
 * becomes `` `--tlog=false` ``, and a block of YAML under `with:` a line of flags.
 * @param names every flag of the command; other words stay as they are
 */
export function inFlags(text: string, names: ReadonlySet<string>): string {
  return withBlocks(withLogin(text), names)
    .replace(/\b[Ii]nputs? ([a-z][a-z-]*(?:(?:, | and | or )[a-z][a-z-]*)*)/g, (whole, list) => {
      const [first = ''] = String(list).split(/, | and | or /);
      if (!names.has(first)) return whole;
      return String(list).replace(/[a-z][a-z-]*/g, (word) =>
        names.has(word) ? `--${word}` : word,
      );
    })
    .replace(/`([a-z][a-z-]*)(:?)(?: ([^`\n]+))?`/g, (whole, name, colon, value) => {
      if (!names.has(name) || (value !== undefined && colon === '')) return whole;
      return `\`${flag(name, value)}\``;
    })
    .replace(/\b(a|an|no|this) input of this action\b/g, '$1 flag of this command')
    .replace(/\bthis step\b/g, 'this run')
    .replace(/\bthe action (?!sign-image)/g, 'this command ');
}

function flag(name: string, value: string | undefined): string {
  if (value === undefined || value === '…') return `--${name}`;
  if (value === 'true') return `--${name}`;
  if (value === 'false') return `--${name}=false`;
  return `--${name} ${quoted(plainValue(value))}`;
}

/** What GitHub would put in the place of an expression, a shell takes from a variable. */
function plainValue(value: string): string {
  return value
    .replace(/\$\{\{ *secrets\.(\w+) *\}\}/g, 'env://$1')
    .replace(/\$\{\{[^}]*?([\w-]+) *\}\}/g, (_, name: string) => `$${variable(name)}`);
}

function variable(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}

function quoted(value: string): string {
  if (/^[\w./:@=,$…+~-]+$/.test(value)) return value;
  return value.startsWith('"') || value.startsWith("'") ? value : `'${value}'`;
}

/** The step that logs in is a command elsewhere. */
function withLogin(text: string): string {
  const step =
    /(?:```yaml\n)?^- uses: docker\/login-action@\S+\n {2}with:\n(?: {4}registry: (\S+)\n)?(?: {4}.*(?:\n|$))*(?:```)?/gm;
  return text
    .replace(step, (_, host = '') => `  docker login ${host}`.trimEnd())
    .replaceAll('docker/login-action', '`docker login`');
}

/** Blocks of YAML that set inputs; other blocks (of `permissions:`, say) stay. */
function withBlocks(text: string, names: ReadonlySet<string>): string {
  return text.replace(/```yaml\n([\s\S]*?)\n```/g, (whole, block: string) => {
    // A step of ours is its inputs: the command is the one that says it, or is named around it.
    const yaml = block.startsWith('- uses: OWNER/')
      ? block.replace(/^.*\n/, '').replace(/^ {2}/gm, '')
      : block;
    if (!/^with:$/m.test(yaml)) return whole;
    const lines: string[] = [];
    let name = '';
    for (const line of yaml.split('\n').filter((one) => !/^with:$/.test(one))) {
      const [, key, value = ''] = /^ {2}([a-z][a-z-]*):(?: (.+))?$/.exec(line) ?? [];
      if (key !== undefined && !names.has(key)) return whole;
      if (key !== undefined) name = key;
      if (key !== undefined && value !== '|') lines.push(`  ${flag(key, value || undefined)}`);
      else if (key === undefined)
        lines.push(`  ${/^\s*#/.test(line) ? line.trim() : flag(name, line.trim())}`);
    }
    return lines.join('\n');
  });
}
