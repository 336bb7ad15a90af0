import { readPem } from './pem.ts';

/** Shorter pieces stay: masking them would blank harmless words all over the log. */
const shortest = 8;

/**
 * Every form of a secret text that a log line could show, for `::add-mask::`, which hides single
 * lines only: the lines, the one-line forms (newlines as `\n`, as spaces, or dropped; the whole in
 * base64), and the same of the repaired PEM. BEGIN and END lines and PEM headers are not among
 * them. Never throws: what cannot be read as a PEM is masked as the text it is.
 */
export function secretForms(text: string): string[] {
  const forms = new Set<string>();
  for (const version of [text, ...repaired(text)]) addForms(version, forms);
  return [...forms].filter((form) => form.length >= shortest);
}

function addForms(text: string, forms: Set<string>): void {
  const trimmed = text.trim();
  const lines = trimmed
    .split(/\r\n|\r|\n|(?:\\+r)?\\+n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const secret = lines
    .flatMap((line) => line.split(/-----[A-Z0-9 ]+-----/))
    .filter((line) => !isTrivial(line));
  for (const line of secret) {
    forms.add(line.trim());
    // Newlines that became spaces: each word may be printed alone.
    for (const word of line.split(/\s+/)) if (word.length >= 16) forms.add(word);
  }
  if (secret.length === 0) return;
  forms.add(secret.join(''));
  if (lines.length > 1) {
    forms.add(lines.join('\\n'));
    forms.add(`${lines.join('\\n')}\\n`);
    forms.add(lines.join('\\r\\n'));
    forms.add(lines.join(' '));
    forms.add(lines.join(''));
  }
  for (const whole of [text, trimmed, `${lines.join('\n')}\n`])
    forms.add(Buffer.from(whole).toString('base64'));
}

function isTrivial(line: string): boolean {
  return (
    line.trim() === '' ||
    /^-----(BEGIN|END) [A-Z0-9 ]+-----$/.test(line.trim()) ||
    /^(Proc-Type|DEK-Info): /.test(line)
  );
}

function repaired(text: string): string[] {
  try {
    return readPem(text, 'key', 'private').map(({ pem }) => pem);
  } catch {
    return [];
  }
}
