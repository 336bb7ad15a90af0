import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import {
  cosignRepositoryName,
  formatReference,
  formatRepository,
  parseNamed,
  parseReference,
  parseRepository,
  registryHost,
} from '../../src/image/reference.ts';
import { anyText } from '../any-text.ts';
import { growth } from '../growth.ts';

const hex = 'a'.repeat(64);
const digest = `sha256:${hex}`;

/** The Failure a call ends with; fails the test when there is none. */
function failureOf(call: () => unknown): Failure {
  try {
    call();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a reference that Docker understands', () => {
  const table: [text: string, expected: object][] = [
    ['nginx', { registry: 'docker.io', repository: 'library/nginx' }],
    ['nginx:1.27', { registry: 'docker.io', repository: 'library/nginx', tag: '1.27' }],
    ['acme/app', { registry: 'docker.io', repository: 'acme/app' }],
    ['docker.io/nginx', { registry: 'docker.io', repository: 'library/nginx' }],
    ['index.docker.io/library/nginx', { registry: 'docker.io', repository: 'library/nginx' }],
    ['index.docker.io/acme/app:v1', { registry: 'docker.io', repository: 'acme/app', tag: 'v1' }],
    ['ghcr.io/acme/app', { registry: 'ghcr.io', repository: 'acme/app' }],
    ['GHCR.io/acme/app', { registry: 'ghcr.io', repository: 'acme/app' }],
    ['localhost/app', { registry: 'localhost', repository: 'app' }],
    ['localhost:5000/app:v1', { registry: 'localhost:5000', repository: 'app', tag: 'v1' }],
    ['registry:5000/a/b/c', { registry: 'registry:5000', repository: 'a/b/c' }],
    ['127.0.0.1:5000/app', { registry: '127.0.0.1:5000', repository: 'app' }],
    ['[::1]:5000/app:v1', { registry: '[::1]:5000', repository: 'app', tag: 'v1' }],
    ['[2001:db8::1]/app', { registry: '[2001:db8::1]', repository: 'app' }],
    [`ghcr.io/acme/app@${digest}`, { registry: 'ghcr.io', repository: 'acme/app', digest }],
    [
      `ghcr.io/acme/app:1.2@${digest}`,
      { registry: 'ghcr.io', repository: 'acme/app', tag: '1.2', digest },
    ],
    ['  ghcr.io/acme/app  ', { registry: 'ghcr.io', repository: 'acme/app' }],
    ['ghcr.io/a_b/c__d/e--f/g.h', { registry: 'ghcr.io', repository: 'a_b/c__d/e--f/g.h' }],
    [`a/b:${'t'.repeat(128)}`, { registry: 'docker.io', repository: 'a/b', tag: 't'.repeat(128) }],
    [`ghcr.io/${'r'.repeat(255)}`, { registry: 'ghcr.io', repository: 'r'.repeat(255) }],
  ];
  it.each(table)('%s', (text, expected) => {
    expect(parseReference(text)).toEqual(expected);
  });
});

describe('an entry that is no reference is answered with what to change', () => {
  const table: [text: string, problem: string][] = [
    ['', 'it is empty'],
    ['   ', 'it is empty'],
    ['ghcr.io/Acme/App', 'lower case'],
    ['Acme/app', 'lower case'],
    ['ghcr.io/acme app', 'a space'],
    ['- ghcr.io/acme/app', 'begins as an entry of a list'],
    ['ghcr.io/acme/app:1 # latest', 'a comment follows'],
    ['ghcr.io/a:1 ghcr.io/b:2', 'a space'],
    ['https://ghcr.io/acme/app', 'a scheme, "https://"'],
    ['docker://ghcr.io/acme/app', 'a scheme, "docker://"'],
    ['ghcr.io/acme/app:', 'no tag after ":"'],
    [`ghcr.io/acme/app:@${digest}`, 'no tag after ":"'],
    ['ghcr.io/acme/app@', 'no digest after "@"'],
    ['ghcr.io/acme/app@sha256:', 'no digits after "@sha256:"'],
    ['ghcr.io/acme/app@sha256:abc123', 'it has 6 digits'],
    [`ghcr.io/acme/app@sha256:${hex.toUpperCase()}`, 'must be lower case'],
    [`ghcr.io/acme/app@sha512:${hex}${hex}`, 'only sha256 is supported, not sha512'],
    [`ghcr.io/acme/app@${hex}`, 'no "sha256:" in front'],
    [`ghcr.io/acme/app@sha256:${digest}`, 'its digest is not usable'],
    [`ghcr.io/acme/app@${digest}:v1`, 'something follows its digest'],
    [`ghcr.io/acme/app@${digest}@${digest}`, 'more than one "@"'],
    [`ghcr.io/acme/app:${digest}`, 'a digest follows "@"'],
    [`@${digest}`, 'no repository in front'],
    [digest, 'a digest or an image id without a repository'],
    [hex, 'a digest or an image id without a repository'],
    ['"ghcr.io/acme/app"', 'quotes'],
    ["'ghcr.io/acme/app'", 'quotes'],
    ['ghcr.io/${{ github.repository }}', 'expression in it was not replaced'],
    ['ghcr.io/$REPO:v1', 'a variable'],
    ['ghcr.io/a,ghcr.io/b', 'joined with commas'],
    ['ghcr.io//app', 'between its slashes is empty'],
    ['ghcr.io/', 'between its slashes is empty'],
    ['/app', 'between its slashes is empty'],
    ['ghcr.io/:v1', 'between its slashes is empty'],
    ['ghcr.io/acme/app:feature/x', 'a tag has no slash'],
    ['ghcr.io/acme/app:v1+2', 'its tag may hold'],
    ['ghcr.io/acme/app:-v1', 'its tag may hold'],
    [`ghcr.io/acme/app:${'t'.repeat(129)}`, 'longer than 128'],
    [`ghcr.io/${'r'.repeat(256)}`, 'longer than 255'],
    ['ghcr.io/acme\u0007/app', 'control character'],
    ['ghcr.io/acme/\u202eapp', 'control character'],
    ['ghcr.io/a\nghcr.io/b', 'control character'],
    ['ghcr.io:0/app', 'not a valid name'],
    ['ghcr.io:99999/app', 'not a valid name'],
    ['[::1/app', 'not a valid name'],
    ['[:::1]:5000/app', 'not a valid name'],
    ['-host.io/app', 'not a valid name'],
    ['ghcr.io/acme/-app', 'not a valid name'],
    ['ghcr.io/acme/..', 'not a valid name'],
    ['a'.repeat(3000), 'it has 3000 characters'],
  ];
  it.each(table)('%j', (text, problem) => {
    const failure = failureOf(() => parseReference(text, 'images'));
    expect(failure.code).toBe('bad-reference');
    expect(failure.message).toContain(problem);
    expect(failure.message).toContain('`images`');
    expect(failure.fix).not.toBe('');
  });

  it('shows the entry trimmed, with control characters written out, and says which input it is from', () => {
    const failure = failureOf(() => parseReference('  ghcr.io/Ac\u001bme  ', 'metadata'));
    expect(failure.message).toMatch(
      /^"ghcr\.io\/Ac\\u001bme" in `metadata` is not an image reference: /,
    );
  });

  it('shows nobody a token that stands in an address', () => {
    const failure = failureOf(() => parseReference('https://robot:gho_token1234@ghcr.io/acme/app'));
    expect(`${failure.message}${failure.fix}`).not.toContain('gho_token1234');
  });
});

describe('the names of a repository', () => {
  const hub = parseReference('nginx');
  const other = parseReference('ghcr.io/acme/app:v1');
  it('Docker Hub has one name for people, one for cosign, one on the wire', () => {
    expect([formatRepository(hub), cosignRepositoryName(hub), registryHost(hub)]).toEqual([
      'docker.io/library/nginx',
      'index.docker.io/library/nginx',
      'registry-1.docker.io',
    ]);
  });
  it('everybody else has one', () => {
    expect([formatRepository(other), cosignRepositoryName(other), registryHost(other)]).toEqual([
      'ghcr.io/acme/app',
      'ghcr.io/acme/app',
      'ghcr.io',
    ]);
  });
  it('two spellings of one repository are the same', () => {
    expect(formatRepository(parseReference('index.docker.io/library/nginx:1'))).toBe(
      formatRepository(hub),
    );
    expect(formatRepository(other)).not.toBe(formatRepository(hub));
  });
});

describe('for every text', () => {
  const word = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,5}){0,2}$/);
  const written = fc
    .record({
      host: fc.constantFrom(
        'acme/',
        'ghcr.io/',
        'localhost:5000/',
        '[::1]:5000/',
        'docker.io/',
        'index.docker.io/',
        '10.0.0.1/',
      ),
      path: fc.array(word, { minLength: 2, maxLength: 4 }),
      tag: fc.option(fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}$/)),
      digest: fc.option(fc.stringMatching(/^[0-9a-f]{64}$/)),
    })
    .map(
      ({ host, path, tag, digest: hexes }) =>
        `${host}${path.join('/')}${tag ? `:${tag}` : ''}${hexes ? `@sha256:${hexes}` : ''}`,
    );

  it('a reference written out and read again is the same', () => {
    fc.assert(
      fc.property(written, (text) => {
        const once = parseReference(text);
        expect(parseReference(formatReference(once))).toEqual(once);
      }),
    );
  });

  it('what is read is in the grammar, and what is not is a Failure fit for one log line', () => {
    const piece = fc.constantFrom(
      'ghcr.io',
      '/',
      ':',
      '@',
      'sha256:',
      hex,
      '[::1]',
      'A',
      'a',
      '.',
      '-',
      '_',
      ' ',
      '\n',
      '$',
      '"',
      ',',
      '\u202e',
    );
    const text = fc.oneof(
      anyText,
      fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (entry) => {
        try {
          const read = parseReference(entry);
          expect(parseReference(formatReference(read))).toEqual(read);
          expect(formatReference(read)).toMatch(
            /^[a-z0-9.:[\]-]+\/[a-z0-9._/-]+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/,
          );
        } catch (error) {
          expect(error).toBeInstanceOf(Failure);
          expect((error as Failure).code).toBe('bad-reference');
          expect((error as Failure).message).not.toMatch(
            // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may be there
            /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/,
          );
        }
      }),
      { numRuns: 500 },
    );
  });

  // A step has at most 2,000 entries; each is refused at a cost in proportion to its length, and a
  // long one without a look at it.
  it.each<[string, (size: number) => string]>([
    ['a-a-a-…', (size) => 'a-'.repeat(size / 2)],
    ['a/a/a/…', (size) => 'a/'.repeat(size / 2)],
    ['::::…', (size) => ':'.repeat(size)],
    ['x:@@@@…', (size) => `x:${'@'.repeat(size)}`],
    [':a:a:a…', (size) => ':a'.repeat(size / 2)],
    ['a:a:a:…/A', (size) => `${'a:'.repeat(size / 2)}/A`],
    ['/:/:/:…', (size) => '/:'.repeat(size / 2)],
    ['a/b-b-…:c.c.…+', (size) => `a/${'b-'.repeat(size / 4)}:${'c.'.repeat(size / 4)}+`],
  ])('a long hostile entry costs what it is long: %s', (_, entry) => {
    const texts = new Map([396, 792, 100_000, 200_000].map((size) => [size, entry(size)]));
    const refuse = (size: number) => {
      try {
        parseReference(texts.get(size) ?? '');
      } catch (error) {
        if (error instanceof Failure) return;
        throw error;
      }
      throw new Error('it was taken');
    };
    expect(growth(refuse, 396)).toBeLessThan(3);
    expect(growth(refuse, 100_000)).toBeLessThan(3);
  });
});

describe('what a workflow names', () => {
  it.each([
    ['oci://ghcr.io/acme/charts/app', 'ghcr.io/acme/charts/app'],
    ['oci://ghcr.io/acme/charts/app:1.2.3', 'ghcr.io/acme/charts/app:1.2.3'],
    [' oci://localhost/app:1 ', 'localhost/app:1'],
    ['oci://127.0.0.1:5000/app', '127.0.0.1:5000/app'],
    ['oci://docker.io/acme/app', 'docker.io/acme/app'],
    ['acme/app', 'docker.io/acme/app'],
  ])('%j is %s', (text, reference) => {
    expect(formatReference(parseNamed(text))).toBe(reference);
  });

  it.each([
    ['oci://acme/app', 'behind oci:// stands a registry, and "acme" is none'],
    ['oci://', 'is not an image reference'],
    ['oci:///acme/app', 'behind oci:// stands a registry'],
    ['oci://oci://ghcr.io/acme/app', 'is not an image reference'],
    ['OCI://ghcr.io/acme/app', 'a scheme'],
    ['oci://https://ghcr.io/acme/app', 'is not an image reference'],
    ['oci://ghcr.io/acme/App', 'is not an image reference'],
    ['oci://ghcr.io/acme/app:1.2.3+abc', 'is not an image reference'],
  ])('%j is refused', (text, problem) => {
    expect(() => parseNamed(text)).toThrow(problem);
  });
});

describe('the name of a repository alone', () => {
  it.each([
    ['ghcr.io/acme/signatures', 'ghcr.io/acme/signatures'],
    [' GHCR.io/acme/signatures\n', 'ghcr.io/acme/signatures'],
    ['localhost:5000/signatures', 'localhost:5000/signatures'],
    ['[::1]:5000/signatures', '[::1]:5000/signatures'],
    ['kong/notary', 'docker.io/kong/notary'],
    ['index.docker.io/kong/notary', 'docker.io/kong/notary'],
  ])('%j is %s', (text, name) => expect(formatRepository(parseRepository(text, 'x'))).toBe(name));

  it.each([
    ['', 'it is empty'],
    ['signatures', 'it has no slash'],
    // cosign takes it for docker.io/library/ghcr.io.
    ['ghcr.io', 'it has no slash'],
    ['ghcr.io/', 'a part between its slashes is empty'],
    ['ghcr.io/acme/signatures:v1', 'it has a tag or a digest'],
    [`ghcr.io/acme/signatures@sha256:${'a'.repeat(64)}`, 'it has a tag or a digest'],
    // cosign takes it for docker.io/localhost/signatures, Docker does not.
    ['localhost/signatures', 'cosign reads it as a repository on Docker Hub'],
    ['https://ghcr.io/acme/signatures', 'it starts with a scheme'],
    ['ghcr.io/a/b\nghcr.io/c/d', 'it has several lines'],
    ['ghcr.io/a/b,ghcr.io/c/d', 'it is several references'],
    ['ghcr.io/acme/../signatures', 'its registry or its repository is not a valid name'],
    ['user:secret@ghcr.io/acme/signatures', 'is not the name of a repository'],
  ])('%j is refused', (text, problem) => {
    expect(() => parseRepository(text, 'x')).toThrow(problem);
    expect(() => parseRepository(text, 'x')).not.toThrow('secret');
  });
});

it('an address of IPv6 is one where Node says so, and nothing else is', () => {
  const part = fc.oneof(fc.stringMatching(/^[0-9a-f]{0,5}$/), fc.ipV4(), fc.constant(''));
  const address = fc.oneof(
    fc.ipV6(),
    fc.array(part, { maxLength: 10 }).map((parts) => parts.join(':')),
    fc.stringMatching(/^[0-9a-f:.]{1,30}$/),
  );
  fc.assert(
    fc.property(address, (text) => {
      const read = () => parseReference(`[${text}]:5000/app`);
      if (isIPv6(text)) expect(read().registry).toBe(`[${text.toLowerCase()}]:5000`);
      else expect(read).toThrow(Failure);
    }),
    { numRuns: 2000 },
  );
});
