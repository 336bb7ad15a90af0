import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpolate } from '../../src/references/compose-variables.ts';
import { withoutComments } from '../../src/references/devcontainer.ts';
import { openEnvironment } from '../../src/references/environment.ts';
import { readFileReferences } from '../../src/references/read-file.ts';
import { read } from './show.ts';

const images = (path: string, ...lines: string[]) =>
  read(path, `${lines.join('\n')}\n`).images.filter((line) => !line.includes(' ~ '));
/** What is only told: line and text. */
const told = (path: string, ...lines: string[]) =>
  readFileReferences(path, Buffer.from(`${lines.join('\n')}\n`)).uses.flatMap((use) =>
    'told' in use ? [`${use.line} ${use.written}`] : [],
  );

describe('compose', () => {
  const compose = (...lines: string[]) => images('compose.yaml', ...lines);

  it('hooks, models, providers, sbom generators', () => {
    expect(
      compose(
        'services:',
        '  a:',
        '    image: r.io/a:1',
        '    pre_start:',
        '      - image: r.io/hook:1',
        '    labels: {image: r.io/none:1}',
        '    environment: {image: r.io/none:1}',
        '    volumes:',
        '      - {type: image, source: r.io/data:1, target: /x, image: {subpath: y}}',
        '  b:',
        '    provider: {type: model, options: {model: r.io/model:1}}',
        '    build: {context: ., sbom: "generator=r.io/scan:1"}',
        'models: {m: {model: r.io/llm:1}}',
      ),
    ).toEqual([
      '3 r.io/a:1',
      '5 r.io/hook:1',
      '9 r.io/data:1',
      '11 r.io/model:1',
      '12 r.io/scan:1',
      '13 r.io/llm:1',
    ]);
  });

  it('build contexts', () => {
    expect(
      compose(
        'services:',
        '  a: {build: {context: docker-image://r.io/c:1}}',
        '  b: {build: "docker-image://r.io/d:${V:-1}"}',
        '  c:',
        '    build:',
        '      context: .',
        '      additional_contexts:',
        '        - base=docker-image://r.io/e:1',
        '        - "x=${X:-docker-image://r.io/f:1}"',
        '        - own=service:a',
        '  d: {build: "${DIR}"}',
        '  e: {build: "${X}docker-image://r.io/g:1"}',
      ),
    ).toEqual([
      '2 r.io/c:1',
      '3 r.io/d:1',
      '8 r.io/e:1',
      '9 r.io/f:1',
      '12 ? ${X}docker-image://r.io/g:1',
    ]);
    expect(
      told(
        'compose.yaml',
        'services:',
        '  a: {build: https://git.example/x.git}',
        '  b: {build: {context: ., cache_from: [r.io/cache:1]}}',
      ),
    ).toEqual(['2 https://git.example/x.git', '3 Dockerfile', '3 r.io/cache:1']);
  });

  it('Dockerfiles inside, with the variables of compose', () => {
    expect(
      compose(
        'services:',
        '  a:',
        '    build:',
        '      dockerfile_inline: |',
        '        ARG V=2',
        '        FROM r.io/a:${V:-1} AS a',
        '        FROM r.io/b:$${V:-1}',
        '        FROM r.io/c:${V}',
        '        COPY --from=$W /a /b',
      ),
    ).toEqual(['6 r.io/a:1', '7 r.io/b:2', '8 ? r.io/c:…', '9 ? …']);
  });

  it('tags of compose', () => {
    expect(
      compose(
        'services:',
        '  a: {image: !override r.io/a:1}',
        '  b: {image: !reset null, ports: !override ["80:80"]}',
        '  c: !override {image: r.io/c:1}',
      ),
    ).toEqual(['2 ? r.io/a:1', '4 r.io/c:1']);
  });

  it('what other files bring in is unresolved, unless they are chosen', () => {
    const lines = [
      'include:',
      '  - other.yaml',
      '  - path: [../a.yml, oci://r.io/app:1]',
      'services:',
      '  a: {extends: {file: base.yaml, service: x}}',
      '  b: {extends: a}',
      '  c: {extends: {service: a}}',
    ];
    const { uses } = readFileReferences('compose.yaml', Buffer.from(lines.join('\n')));
    expect(
      uses.map((use) => [use.line, use.written, 'why' in use ? use.unlessChosen : '']),
    ).toEqual([
      [2, 'other.yaml', 'other.yaml'],
      [3, '../a.yml', '../a.yml'],
      [3, 'oci://r.io/app:1', undefined],
      [5, 'base.yaml', 'base.yaml'],
    ]);
    expect(compose('include:', '  - https://github.com/acme/app.git')).toEqual([
      '2 ? https://github.com/acme/app.git',
    ]);
  });

  it.each([
    ['a', { text: 'a' }],
    ['$$A', { text: '$A' }],
    ['x${A:-b}y', { text: 'xby' }],
    ['${A-}', { text: '' }],
    ['${A:-${B:-c}}', { text: 'c' }],
    ['${A:-a"b\\}', { text: 'a"b\\' }],
    ['x$A', { open: '$A' }],
    ['${A}', { open: '${A}' }],
    ['${A:-$B}', { open: '$B' }],
    ['${A:+b}', { open: '${A:+b}' }],
    ['${A:?b}', { open: '${A:?b}' }],
    ['${A:-b', { open: '${A:-b' }],
    ['${A%b}', { open: '${A%b}' }],
    ['$1', { open: '$1' }],
  ])('%s: %j', (text, value) =>
    expect(interpolate(text, openEnvironment('compose.yaml', []))).toMatchObject(value),
  );
});

describe('GitLab', () => {
  it('images and services of jobs, as texts and maps', () => {
    const text = [
      'default:',
      '  image: r.io/a:1',
      '  services: [r.io/b:1, {name: r.io/c:1, alias: x}]',
      'variables: {image: r.io/none:1}',
      '.base:',
      '  image: {name: r.io/d:1, entrypoint: [""]}',
      'test:',
      '  image: $CI_REGISTRY_IMAGE:1',
      '  script: [make]',
      'tagged: {image: !reference [.base, image], script: x}',
    ];
    expect(images('.gitlab-ci.yml', ...text)).toEqual([
      '2 r.io/a:1',
      '3 r.io/b:1',
      '3 r.io/c:1',
      '4 r.io/none:1',
      '6 r.io/d:1',
      '8 ? $CI_REGISTRY_IMAGE:1',
    ]);
    expect(
      images('ci/jobs.yml', 'stages: [a]', 'b:', '  script: x', '  services: [r.io/e:1]'),
    ).toEqual(['4 r.io/e:1']);
  });

  it('what other files bring in is told', () => {
    expect(
      told(
        '.gitlab-ci.yml',
        'include: [local.yml]',
        'a: {trigger: {include: b.yml}}',
        'c: {run: [{name: x, step: r.io/s:1}]}',
      ),
    ).toEqual(['1 include', '2 trigger', '3 run', '3 r.io/s:1']);
  });
});

describe('development containers', () => {
  const path = '.devcontainer/devcontainer.json';
  it('the image; features and files are told', () => {
    const lines = [
      '// how we work',
      '{',
      '  "image": "r.io/dev:1", /* not "image": "r.io/none:1" */',
      '  "remoteEnv": { "A": "// no comment \\" , }" },',
      '  "features": { "ghcr.io/acme/tool:1": {}, "./own": {}, },',
      '  "build": { "cacheFrom": ["r.io/cache:1"], "dockerfile": "Dockerfile", },',
      '}',
    ];
    expect(images(path, ...lines)).toEqual(['3 r.io/dev:1']);
    expect(told(path, ...lines)).toEqual([
      '5 ghcr.io/acme/tool:1',
      '6 r.io/cache:1',
      '6 Dockerfile',
    ]);
    expect(images(path, '{"image": "${localEnv:IMAGE}"}')).toEqual(['1 ? ${localEnv:IMAGE}']);
    expect(images('devcontainer.json', '{"image": "a", "image": "b"}')).toEqual(['1 ? ']);
    expect(images('.devcontainer/py/devcontainer.json', '{"dockerComposeFile": "x.yml"}')).toEqual([
      '1 ? x.yml',
    ]);
  });

  it('JSON with comments is the JSON without, line by line', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.constantFrom('// "x": [,]', '/* { */', '/*\n,*/'),
        (value, comment) => {
          const json = JSON.stringify(value, null, 1);
          const lines = json.split('\n').map((line, index, all) => {
            const last = /^\s*[}\]]/.test(all[index + 1] ?? '') && !/[{[]$/.test(line);
            return `${line}${last ? ',' : ''} ${comment}\n`;
          });
          const text = lines.join('');
          const bare = withoutComments(text);
          expect(JSON.parse(bare)).toEqual(JSON.parse(json));
          expect(bare.length).toBe(text.length);
          expect(bare.split('\n').length).toBe(text.split('\n').length);
        },
      ),
    );
  });
});

it('a step whose text has a tag is unresolved', () => {
  expect(
    images(
      '.github/workflows/a.yml',
      'on: push',
      'jobs:',
      '  a:',
      '    runs-on: x',
      '    steps: [{uses: !x docker://r.io/a:1}]',
    ),
  ).toEqual(['5 ? docker://r.io/a:1']);
});
