/** A piece of a line, and what it is in YAML. */
export interface Mark {
  readonly kind: 'key' | 'comment' | 'text';
  readonly text: string;
}

/**
 * A line of YAML in pieces, for their colours. The pieces are the line, letter by letter; a line
 * that is not understood is one piece.
 */
export function marked(line: string): readonly Mark[] {
  const [, before = '', comment = ''] = /^(.*?)((?:(?<=^\s*)|\s)#(?: .*)?)?$/s.exec(line) ?? [];
  const [, indent = '', key = '', rest = before] =
    /^(\s*(?:- )?)([\w./-]+:)((?: .*)?)$/s.exec(before) ?? [];
  const marks: readonly Mark[] = [
    { kind: 'text', text: indent },
    { kind: 'key', text: key },
    { kind: 'text', text: rest },
    { kind: 'comment', text: comment },
  ];
  return marks.filter(({ text }) => text !== '');
}
