import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDockerfile } from '../../src/references/dockerfile.ts';
import { show } from './show.ts';

const images = (text: string) => show(readDockerfile(text));
const hub = (name: string) => `docker.io/library/${name}`;

describe('images of a Dockerfile', () => {
  it('are those of FROM, COPY --from, RUN --mount and the syntax directive; stages and scratch are none', () => {
    const text = [
      '# syntax=docker/dockerfile:1.7',
      'ARG VERSION=22 BASE="ghcr.io/acme/base"',
      'FROM --platform=$BUILDPLATFORM node:${VERSION} AS Build',
      'RUN --mount=type=bind,from=ghcr.io/acme/tools:3,target=/x --mount=type=cache,target=/y make',
      'COPY --link --from=ghcr.io/acme/certs:1 /a /b',
      'FROM $BASE:${TAG:-1.2} AS second',
      'COPY --from=build /a /b',
      'COPY --from=0 /a /b',
      'COPY --from=7 /a /b',
      'FROM build',
      'FROM scratch',
    ].join('\n');
    expect(images(text)).toEqual([
      '1 docker.io/docker/dockerfile:1.7',
      '3 docker.io/library/node:22',
      '4 ghcr.io/acme/tools:3',
      '5 ghcr.io/acme/certs:1',
      '6 ghcr.io/acme/base:1.2',
      '9 ? 7',
    ]);
  });

  it.each<[string, string, string[]]>([
    [
      'a stage that comes later is not this image',
      'FROM a AS x\nCOPY --from=late a b\nFROM c AS late',
      ['1 a', '2 late', '3 c'].map(inHub),
    ],
    ['an ARG without default is open', 'ARG V\nFROM node:$V', ['2 ? node:$V']],
    ['an ARG that nobody declares is open', 'FROM node:$V', ['1 ? node:$V']],
    [
      'an ARG after FROM does not count',
      'FROM a\nARG V=1\nFROM node:$V',
      [`1 ${hub('a')}`, '3 ? node:$V'],
    ],
    ['an ARG that loses its default is open', 'ARG V=1\nARG V\nFROM node:$V', ['3 ? node:$V']],
    ['platform arguments belong to the build', 'FROM node:$TARGETARCH', ['1 ? node:$TARGETARCH']],
    [
      'an empty default takes the word behind :-',
      'ARG V=\nFROM node:${V:-22}',
      [`2 ${hub('node:22')}`],
    ],
    ['defaults inside defaults', 'FROM ${A:-${B:-node}:1}', [`1 ${hub('node:1')}`]],
    ['a form that is not read is open', 'ARG V=1.2\nFROM node:${V%.*}', ['2 ? node:${V%.*}']],
    ['quotes', 'FROM "node:22"', [`1 ${hub('node:22')}`]],
    ['lower case and tabs', '\tfrom\tnode:22\tas\tx', [`1 ${hub('node:22')}`]],
    ['a BOM and CRLF', '\ufeffFROM node:22 AS x\r\nCOPY --from=x a b\r\n', [`1 ${hub('node:22')}`]],
    ['no image', 'FROM', ['1 ? ']],
    ['a FROM with more words', 'FROM a # b', ['1 ? a # b']],
    ['an unknown instruction', 'FROM a\nFRM b', [`1 ${hub('a')}`, '2 ? FRM b']],
    [
      'ONBUILD',
      'FROM a AS s\nONBUILD COPY --from=s a b\nONBUILD RUN --mount=from=t,type=bind x',
      ['1 a', '2 s', '3 t'].map(inHub),
    ],
    [
      'a source in quotes',
      'FROM a\nCOPY --from="t:1" a b\nRUN --mount="type=bind, from=u:1,target=/x" echo',
      ['1 a', '2 t:1', '3 u:1'].map(inHub),
    ],
    [
      'a source that is a variable',
      'ARG T=1\nFROM a\nCOPY --from=t:$T a b',
      [`2 ${hub('a')}`, '3 ? t:$T'],
    ],
    [
      'a shebang before the syntax',
      '#!/x\n# syntax=evil/frontend\nFROM a',
      ['2 docker.io/evil/frontend', `3 ${hub('a')}`],
    ],
    [
      'a syntax in slashes',
      '// syntax=evil/frontend',
      ['1 docker.io/evil/frontend', '1 ? // syntax=evil/frontend'],
    ],
  ])('%s', (_, text, expected) => {
    expect(images(text)).toEqual(expected);
  });
});

function inHub(line: string): string {
  return line.replace(' ', ' docker.io/library/');
}

describe('a FROM cannot hide', () => {
  const evil = (line: number) => `${line} ${hub('evil')}`;
  it.each<[string, string, string]>([
    ['behind an escaped backslash', 'FROM scratch\nRUN echo \\\\\nFROM evil', evil(3)],
    ['behind a here-document in quotes', 'FROM scratch\nRUN echo "a <<EOF"\nFROM evil', evil(3)],
    ['behind a single-quoted one', "FROM scratch\nRUN echo 'a <<EOF'\nFROM evil", evil(3)],
    ['behind an escaped one', 'FROM scratch\nRUN cat \\<<EOF\nFROM evil', evil(3)],
    ['behind a here-string', 'FROM scratch\nRUN cat <<<EOF\nFROM evil', evil(3)],
    ['behind arithmetic', 'FROM scratch\nRUN echo $((1<<EOF))\nFROM evil', evil(3)],
    [
      'behind << of an instruction without here-documents',
      'FROM scratch\nCMD cat <<EOF\nFROM evil',
      evil(3),
    ],
    ['behind << in the JSON form', 'FROM scratch\nRUN ["cat", "<<EOF"]\nFROM evil', evil(3)],
    ['in a word that is cut in two', 'FR\\\nOM ev\\\n# not a line\n\nil', evil(1)],
    ['behind a comment that ends with a backslash', 'FROM scratch\n# x \\\nFROM evil', evil(3)],
    [
      'behind another escape character',
      '# escape=`\nFROM scratch\nRUN dir c:\\\nFROM evil',
      evil(4),
    ],
    [
      'behind an escape directive that is none',
      '# hello\n# escape=`\nFROM scratch\nRUN x `\nFROM evil',
      evil(5),
    ],
    ['behind blanks of Unicode', 'FROM scratch\n\u00a0\u2003FROM evil', evil(2)],
    ['after a here-document', 'FROM scratch\nRUN <<-EOF\nFROM no\n\tEOF\nFROM evil', evil(5)],
    [
      'after two of them',
      'FROM scratch\nCOPY <<A <<"B" /x\nFROM no\nA\nFROM no\nB\nFROM evil',
      evil(7),
    ],
  ])('%s', (_, text, expected) => {
    expect(images(text)).toEqual([expected]);
  });

  it.each([
    ['a here-document without end', 'FROM a\nRUN cat <<EOF\nFROM evil'],
    [
      'a here-document whose name older builders read otherwise',
      'FROM a\nRUN cat <<"CMD x"\nFROM evil\nCMD x',
    ],
    ['a here-document named by a variable', 'FROM a\nRUN cat <<$X\nFROM evil\n$X'],
    ['a quote without end before a here-document', "FROM a\nRUN echo it's <<EOF\nFROM evil\nEOF"],
  ])('%s leaves the file unresolved', (_, text) => {
    expect(images(text)).toEqual([`1 ${hub('a')}`, '2 ? Dockerfile']);
  });

  it('reads any text in bounded time, and finds what a plain FROM after it names', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', ' ', '"', '\\', '$', '{', '}', '#', '=', '\t', '-', '`'), {
          maxLength: 40,
        }),
        (parts) => {
          const line = `RUN ${parts.join('')}`;
          const continues = /[^\\]\\[ \t]*$|^\\[ \t]*$/.test(line);
          if (continues) return;
          expect(images(`FROM scratch\n${line}\nFROM evil`).at(-1)).toBe(evil(3));
        },
      ),
    );
  });

  it.each([
    ['many lines', 'RUN a b c\n'.repeat(100_000)],
    ['one continued line', `RUN a ${'\\\n a b c'.repeat(100_000)}`],
    ['many flags', `RUN ${'--mount=type=bind '.repeat(50_000)}x`],
    ['many open here-documents', `RUN ${'<<A '.repeat(100_000)}`],
    ['many variables', `FROM ${'$a'.repeat(200_000)}`],
    [
      'values that double',
      `ARG A0=aaaaaaaa\n${Array.from({ length: 60 }, (_, n) => `ARG A${n + 1}=$A${n}$A${n}\n`).join('')}FROM $A60`,
    ],
    ['many stages', 'FROM a AS b\n'.repeat(80_000)],
    ['quotes without end', `RUN --x="${'a\\'.repeat(400_000)}`],
  ])('takes less than two seconds for a megabyte of %s', (_, text) => {
    const began = performance.now();
    readDockerfile(text);
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
