import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { formatReference, parseReference } from '../../src/image/reference.ts';
import { readDockerfile } from '../../src/references/dockerfile.ts';
import { sampled } from '../sampled.ts';
import { stepsFor } from '../steps.ts';
import { read, show } from './show.ts';

/** `encoding` latin1: each character is a byte. */
const images = (text: string, encoding: 'utf8' | 'latin1' = 'utf8') =>
  show(readDockerfile(Buffer.from(text, encoding)));
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

describe('what only the build knows', () => {
  it.each<[string, string, string[]]>([
    [
      'a stage that the platform chooses',
      'ARG TARGETARCH\nFROM a AS base-amd64\nFROM b AS base-arm64\nFROM base-${TARGETARCH}',
      ['2 a', '3 b'].map(inHub),
    ],
    [
      'a stage that the system and the processor choose',
      'FROM a AS linux-arm\nFROM b AS linux-armv7\nFROM $TARGETOS-$TARGETARCH$TARGETVARIANT',
      ['1 a', '2 b'].map(inHub),
    ],
    ['a name that is no platform', 'FROM a AS base\nFROM $TARGETARCH', ['1 a', '2 ? $TARGETARCH']],
    [
      'a repository that the platform chooses',
      'FROM a AS base-arm64\nFROM r.io/base-$TARGETARCH',
      ['1 a', '2 ? r.io/base-$TARGETARCH'],
    ],
    [
      'the default of an argument that every build sets',
      'FROM evil${TARGETARCH:-}',
      ['1 ? evil${TARGETARCH:-}'],
    ],
    ['the name of the target', 'FROM ${TARGETSTAGE:-a}', ['1 ? ${TARGETSTAGE:-a}']],
    ['an argument that is set twice', 'ARG V=1\nARG V\nFROM ${V:-2}', ['3 ? ${V:-2}']],
    ['a name in other letters', 'ARG v=evil\nFROM ${V:-a}', ['2 ? ${V:-a}']],
    ['an argument of an open one', 'ARG A=$B\nARG C=${A:-a}\nFROM ${C:-b}', ['3 ? ${C:-b}']],
    ['an escaped brace', 'FROM ${A:-a\\}b}', ['1 ? ${A:-a\\}b}']],
    ['an argument behind a flag', 'ARG --x V=evil\nFROM ${V:-a}', ['1 ? ARG --x V=evil', '2 a']],
  ])('%s', (_, text, expected) => {
    expect(images(text)).toEqual(
      expected.map((line) => (/\?|docker/.test(line) ? line : inHub(line))),
    );
  });
});

describe('a file that no builder reads', () => {
  it.each([
    ['program text', 'dockerfile.go', 'package dockerfile\n\nimport "x"\nfunc a() {}\n', '1'],
    ['a template', 'Dockerfile.template', 'FROM {{ .Base }}\n{{ if .X }}\nRUN a\n{{ end }}\n', '2'],
    [
      'many ONBUILDs',
      'Dockerfile',
      `FROM a\n${`${'ONBUILD '.repeat(1_000)}\\\n`.repeat(125)}RUN a`,
      '2',
    ],
    ['a FROM in an ONBUILD', 'Dockerfile', 'ONBUILD FROM evil', '1'],
    ['a keyword with a letter that is not ASCII', 'Dockerfile', 'WOR\u212aDIR /\nU\u017fER a', '1'],
  ])('%s is one unresolved place', (_, path, text, line) => {
    const { images: uses } = read(path, text);
    expect(uses.filter((use) => use.includes(' ? '))).toEqual([
      expect.stringMatching(new RegExp(`^${line} \\? `)),
    ]);
  });

  it.each([
    ['a directive twice', '# escape=`\n# escape=`\nFROM a'],
    ['an escape directive that only new versions see', '# check=skip=all\n# escape=`\nFROM a'],
    ['two carriage returns', 'RUN a \\\r\r\nFROM a'],
    ['a line of 64 KiB', `RUN${' '.repeat(65_536)}\nFROM a`],
    ['a quote without end in a flag', 'RUN --mount="type=bind x\nFROM a'],
  ])('%s: what follows is not trusted', (_, text) =>
    expect(images(text).some((line) => line.includes(' ? '))).toBe(true),
  );
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
    [
      'behind an escape directive after a shebang',
      '#!/usr/bin/env x\n# escape=`\nFROM scratch\nLABEL a=`\nFROM evil',
      evil(5),
    ],
    [
      'behind an escaped blank of another escape character',
      '# escape=`\nFROM scratch\nCOPY --chown=a\\ --from=evil /a /b',
      evil(3),
    ],
    [
      'behind an escaped blank that older versions see',
      '# escape=`\nFROM scratch\nCOPY --chown=a` --from=evil /a /b',
      evil(3),
    ],
    [
      'behind a no-break space that ends a flag',
      "FROM scratch\nRUN --mount=type=bind,from=evil,id=x\u00a0/m;#'",
      evil(2),
    ],
    ['behind a flag whose name is in quotes', 'FROM scratch\nCOPY --fr"om"=ev\\il a b', evil(2)],
    ['as a number in a mount', 'FROM scratch\nRUN --mount=from=0 x', '2 ? 0'],
    [
      'behind blanks in front of a here-document',
      'FROM scratch\nRUN a << EOF\nx\nEOF\nFROM evil',
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
    [
      'a here-document that a builder without any would skip as well',
      'FROM a\nRUN cat <<EOF\nCOPY --from=evil / /\nLABEL a=\\\nEOF',
    ],
    ['a here-document that ends with an instruction', 'FROM a\nRUN <<RUN\nFROM evil\nRUN'],
    ['a here-document that ends with a comment', "FROM a\nRUN <<'#'\nFROM evil\n#"],
    [
      'a here-document inside a variable',
      'FROM a\nRUN echo ${X:-"a <<RUN""\\\\ "}\nRUN\\\n FROM evil\n',
    ],
    ['a here-document behind a blank of Unicode', 'FROM a\nRUN a\u00a0<<EOF\nFROM evil\nEOF'],
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

  /** What BuildKit's parser runs for generated files: in versions 1.4 and 1.14, or of August 2026. */
  const recorded = JSON.parse(
    readFileSync(join(import.meta.dirname, '../fixtures/dockerfiles.json'), 'utf8'),
  ) as [text: string, runs: string[]][];

  it('behind anything that BuildKit reads: what it runs is reported, or the file is unresolved', () => {
    const hidden = recorded.flatMap(([text, runs]) => {
      const found = images(text, 'latin1');
      if (found.some((line) => line.includes(' ? '))) return [];
      const missing = runs.map(normalized).filter((run) => !found.includes(run));
      return missing.length === 0 ? [] : [{ text, missing, found }];
    });
    expect(hidden).toEqual([]);
    const read = recorded.filter(([text]) => !images(text, 'latin1').join().includes(' ? '));
    expect(read.length).toBeGreaterThan(recorded.length / 2);
  });

  const large: readonly [string, (size: number) => string][] = [
    ['many lines', (size) => 'RUN a b c\n'.repeat(size)],
    ['one continued line', (size) => `RUN a ${'\\\n a b c'.repeat(size)}`],
    ['blanks in continued lines', (size) => `RUN ${`${' '.repeat(999)}\\\n`.repeat(size / 100)}x`],
    ['carriage returns', (size) => `RUN ${`${'\r'.repeat(999)}\\\n`.repeat(size / 100)}x`],
    ['many flags', (size) => `RUN ${'--mount=type=bind \\\n'.repeat(size)}x`],
    ['many open here-documents', (size) => `RUN ${'<<A \\\n'.repeat(size)}`],
    ['many here-documents', (size) => 'RUN <<A\nb\nA\n'.repeat(size)],
    ['many variables', (size) => `FROM ${'$a\\\n'.repeat(size)}`],
    ['many arguments', (size) => `${'ARG A=b\n'.repeat(size)}FROM $B`],
    ['many stages', (size) => 'FROM a AS b\n'.repeat(size)],
    ['quotes without end', (size) => `RUN --x="${'a\\\n'.repeat(size)}`],
    ['ONBUILDs', (size) => `FROM a\n${'ONBUILD \\\n'.repeat(size)}RUN a`],
  ];
  const module = new URL('../../src/references/dockerfile.ts', import.meta.url);

  // Four times would be a quadratic reader; V8 forgets some counts.
  it('takes less than three times the steps for twice the size', async () => {
    const sizes = large.flatMap(([, text]) => [text(2_000), text(4_000)]);
    const steps = await stepsFor(module, 'readDockerfile', sizes);
    const growth = large.map(([name], index) => {
      const [small = 0, double = 0] = steps.slice(2 * index);
      return [name, small > 0 && double / small < 3];
    });
    expect(growth).toEqual(large.map(([name]) => [name, true]));
  });

  // Expressions that go back would take minutes for each of these.
  it.each(sampled(large, ['many stages', 'many flags']))('reads megabytes of %s', (_, text) => {
    readDockerfile(Buffer.from(text(100_000)));
  });

  it('values that double end', () => {
    const text = `ARG A0=aaaaaaaa\n${Array.from({ length: 60 }, (_, n) => `ARG A${n + 1}=$A${n}$A${n}\n`).join('')}FROM $A60`;
    expect(images(text)).toEqual(['62 ? $A60']);
  });
});

/** As the reader tells it; unresolved for what no registry has. */
function normalized(run: string): string {
  const [line, image = ''] = run.split(/ (.*)/s);
  try {
    return `${line} ${formatReference(parseReference(image))}`;
  } catch (caught) {
    if (caught instanceof Failure) return `${line} no reference`;
    throw caught;
  }
}
