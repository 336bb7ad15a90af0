import { describe, expect, it } from 'vitest';
import { readFileCommands, readStepLog } from './runner-files.ts';

describe('a file command', () => {
  it.each<[string, Record<string, string>]>([
    ['', {}],
    ['a=b\n', { a: 'b' }],
    ['a=b=c<<d\n\nb=\n', { a: 'b=c<<d', b: '' }],
    ['a<<EOF\none\ntwo=2\n\nEOF\nb=1', { a: 'one\ntwo=2\n', b: '1' }],
    ['a<<EOF\nEOF\n', { a: '' }],
    ['a=1\na=2\n', { a: '2' }],
  ])('%j', (text, wanted) => {
    expect(readFileCommands(text)).toEqual(wanted);
  });

  it.each([
    'just text',
    '=value',
    '<<EOF\nx\nEOF',
    'a<<\nx\n',
    'a<<EOF\nnever',
    'a<<EOF\nx\n EOF\n',
  ])('the runner refuses %j', (text) => {
    expect(() => readFileCommands(text)).toThrow(/the runner cannot read|never comes/);
  });
});

describe('a step log', () => {
  it('hides what was masked, from then on', () => {
    const log = readStepLog('secret1 early\n::add-mask::secret1\nthen secret1, secret1!\n', false);
    expect(log).toMatchObject({
      masks: ['secret1'],
      shown: 'secret1 early\nthen ***, ***!\n',
      said: 'secret1 early\nthen secret1, secret1!\n',
    });
  });

  it('does not hide a secret of several lines that was masked as one', () => {
    expect(readStepLog('::add-mask::one%0Atwo\none\ntwo', false).shown).toBe('one\ntwo');
  });

  it('knows commands from text, unescapes them, and hears none while they are stopped', () => {
    const output = [
      '::error file=a%2Cb,title=T%3A::100%25%0Asure',
      'text ::error::no',
      '::unknown::x',
      '::stop-commands::end',
      '::warning::unheard',
      '::end::',
      '::warning::heard',
      '::debug::hidden',
      '::group::G',
      '::endgroup::',
    ].join('\n');
    const log = readStepLog(output, false);
    expect(log.commands).toEqual([
      { command: 'error', properties: { file: 'a,b', title: 'T:' }, data: '100%\nsure' },
      { command: 'stop-commands', properties: {}, data: 'end' },
      { command: 'end', properties: {}, data: '' },
      { command: 'warning', properties: {}, data: 'heard' },
      { command: 'debug', properties: {}, data: 'hidden' },
      { command: 'group', properties: {}, data: 'G' },
      { command: 'endgroup', properties: {}, data: '' },
    ]);
    expect(log.shown).toBe(
      'Error: 100%\nsure\ntext ::error::no\n::unknown::x\n::warning::unheard\nWarning: heard\n▼ G',
    );
    expect(readStepLog(output, true).shown).toContain('##[debug]hidden');
  });
});
