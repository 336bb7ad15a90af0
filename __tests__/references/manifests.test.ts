import { describe, expect, it } from 'vitest';
import { readFileReferences } from '../../src/references/read-file.ts';
import { growth } from '../growth.ts';
import { read, show } from './show.ts';

const pod = (indent: string) =>
  [
    'initContainers:',
    '- {name: init, image: ghcr.io/acme/init:1}',
    'containers:',
    '- name: app',
    '  image: ghcr.io/acme/app:2',
    'ephemeralContainers:',
    '- name: debug',
    '  image: busybox',
    'volumes:',
    '- name: data',
    '  image: {reference: ghcr.io/acme/data:3}',
  ]
    .map((line) => `${indent}${line}`)
    .join('\n');

const inPod = (first: number) => [
  `${first + 1} ghcr.io/acme/init:1`,
  `${first + 4} ghcr.io/acme/app:2`,
  `${first + 7} docker.io/library/busybox`,
  `${first + 10} ghcr.io/acme/data:3`,
];

describe('Kubernetes', () => {
  it.each([
    ['Pod', `apiVersion: v1\nkind: Pod\nspec:\n${pod('  ')}`, 4],
    [
      'Deployment',
      `apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n${pod('      ')}`,
      6,
    ],
    [
      'CronJob',
      `apiVersion: batch/v1\nkind: CronJob\nspec:\n  jobTemplate:\n    spec:\n      template:\n        spec:\n${pod('          ')}`,
      8,
    ],
    [
      'List',
      `apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec:\n${pod('    ')}`,
      7,
    ],
    [
      'a custom resource',
      `apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nspec:\n  template:\n    spec:\n${pod('      ')}`,
      6,
    ],
  ])('%s: all kinds of containers', (_, text, first) => {
    expect(read('x.yaml', text)).toEqual({ kinds: ['Kubernetes'], images: inPod(first) });
  });

  it.each<[string, string, string[]]>([
    [
      'a custom resource with an image of its own',
      'spec: {image: quay.io/a/b:1, imageName: quay.io/a/c:1, initImage: quay.io/a/d, goldenImage: off}',
      ['3 quay.io/a/b:1', '3 quay.io/a/c:1', '3 quay.io/a/d'],
    ],
    [
      'values of a chart inside a resource',
      'spec: {values: {image: {repository: quay.io/a/b, tag: v1}}}',
      ['3 quay.io/a/b:v1'],
    ],
    [
      'labels, annotations and the status are no images',
      'metadata: {labels: {image: a}, annotations: {image: b}}\nstatus: {image: c}',
      [],
    ],
    [
      'a template',
      'spec: {containers: [{name: a, image: "{{ .Values.image }}"}]}',
      ['3 ? {{ .Values.image }}'],
    ],
    [
      'a variable',
      'spec: {containers: [{name: a, image: $(IMAGE)}, {name: b, image: "${IMAGE}"}, {name: c, image: <image>}]}',
      ['3 ? $(IMAGE)', '3 ? ${IMAGE}', '3 ? <image>'],
    ],
    [
      'a value of another type',
      'spec: {containers: [{name: a, image: 12}, {name: b, image: [x]}]}',
      ['3 ? 12', '3 ? '],
    ],
    [
      'bytes in base64',
      'spec: {containers: [{name: a, image: !!binary bmdpbng}]}',
      ['3 ? !!binary bmdpbng'],
    ],
    ['no reference', 'spec: {containers: [{name: a, image: "A B"}]}', ['3 ? A B']],
    [
      'an alias',
      'x: &i quay.io/a/b:1\nspec: {containers: [{name: a, image: *i}]}',
      ['4 quay.io/a/b:1'],
    ],
    [
      'a merge key',
      'x: &c {image: quay.io/a/b:1}\nspec: {containers: [{<<: *c, name: a}]}',
      ['3 quay.io/a/b:1'],
    ],
  ])('%s', (_, body, expected) => {
    const { images } = read('x.yaml', `apiVersion: example.com/v1\nkind: Thing\n${body}\n`);
    expect(images).toEqual(expected);
  });

  it('reads several documents, of several kinds, and JSON', () => {
    const text =
      'apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a/b}]}\n---\nservices: {s: {image: a/c}}\n---\n# none\n';
    expect(read('x.yml', text)).toEqual({
      kinds: ['Kubernetes', 'compose'],
      images: ['3 docker.io/a/b', '5 docker.io/a/c'],
    });
    expect(
      read(
        'x.json',
        '{"apiVersion": "v1", "kind": "Pod",\n "spec": {"containers": [{"image": "a/b"}]}}',
      ).images,
    ).toEqual(['2 docker.io/a/b']);
  });
});

describe('kustomize', () => {
  it('the image that stands in the place of another', () => {
    const text = [
      'images:',
      '- name: app',
      '  newName: ghcr.io/acme/app',
      '  newTag: "2"',
      `- {name: ghcr.io/acme/web, digest: "sha256:${'a'.repeat(64)}"}`,
      '- {name: only}',
      '- {name: app, newName: ghcr.io/acme/other}',
      '- {name: app, newTag: 1.10}',
    ].join('\n');
    expect(read('kustomization.yaml', text)).toEqual({
      kinds: ['kustomization'],
      images: [
        '4 ghcr.io/acme/app:2',
        `5 ghcr.io/acme/web@sha256:${'a'.repeat(64)}`,
        '7 ? ghcr.io/acme/other',
        '8 ? app:1.10',
      ],
    });
  });

  it('patches in the file, and JSON patches beside it', () => {
    const text =
      'patches:\n- target: {kind: Deployment}\n  patch: |\n    - op: replace\n      path: /spec/template/spec/containers/0/image\n      value: a/b:1\n';
    expect(read('kustomization.yaml', text).images).toEqual(['6 docker.io/a/b:1']);
    const add =
      '[{"op": "add", "path": "/spec/containers/-", "value": {"name": "x", "image": "a/c"}}]';
    expect(read('patch.json', add)).toEqual({ kinds: ['JSON patch'], images: ['1 docker.io/a/c'] });
  });

  it('a workload under the name of a kustomization is read as one', () => {
    const text = 'apiVersion: v1\nkind: Pod\nspec: {containers: [{image: a/b}]}';
    expect(read('kustomization.yaml', text).images).toEqual(['3 docker.io/a/b']);
  });
});

describe('compose', () => {
  it.each<[string, string, string[]]>([
    ['an image', '{image: "nginx:1"}', ['2 docker.io/library/nginx:1']],
    ['only a build', '{build: .}', []],
    [
      'a build with a name is pulled first',
      '{build: ., image: acme/app}',
      ['2 docker.io/acme/app'],
    ],
    ['unless the policy is to build', '{build: ., image: acme/app, pull_policy: build}', []],
    ['a default', '{image: "acme/app:${TAG:-1}"}', ['2 docker.io/acme/app:1']],
    ['no default', '{image: "acme/app:${TAG:?set it}"}', ['2 ? acme/app:${TAG:?set it}']],
    ['a bare variable', '{image: $IMAGE}', ['2 ? $IMAGE']],
    [
      'an image as a context',
      '{build: {context: ., additional_contexts: ["base=docker-image://acme/base:1", "x=./x"]}}',
      ['2 docker.io/acme/base:1'],
    ],
    [
      'a volume',
      '{image: a, volumes: [{type: image, source: acme/data:1, target: /d}, "x:/y"]}',
      ['2 docker.io/library/a', '2 docker.io/acme/data:1'],
    ],
  ])('%s', (_, service, expected) => {
    expect(read('compose.yaml', `services:\n  s: ${service}\n`)).toEqual({
      kinds: ['compose'],
      images: expected,
    });
  });

  it('extensions are templates, and count where they are used', () => {
    const text =
      'x-base: &base\n  image: acme/base:1\nservices:\n  a: {<<: *base}\n  b: {<<: *base, image: acme/b}\n';
    expect(read('docker-compose.yml', text).images).toEqual([
      '2 docker.io/acme/base:1',
      '5 docker.io/acme/b',
    ]);
  });

  it('a Dockerfile inside', () => {
    const text =
      'services:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM acme/a:1\n        COPY --from=acme/b:1 x y\n';
    expect(read('compose.yaml', text).images).toEqual([
      '5 docker.io/acme/a:1',
      '6 docker.io/acme/b:1',
    ]);
  });
});

describe('Helm', () => {
  it('values: repository, registry, tag and digest at any depth, and texts', () => {
    const text = [
      'image: {repository: acme/app, tag: "1"}',
      'sidecar:',
      `  image: {registry: ghcr.io, repository: acme/side, tag: v2, digest: ${'b'.repeat(64)}}`,
      'db: {image: "postgres:16"}',
      'old: {image: acme/old, imageTag: "3"}',
      'late: {image: {repository: acme/late, tag: ""}}',
      'number: {image: {repository: acme/number, tag: 1.10}}',
      'whole: {image: {repository: acme/whole, tag: 12}}',
      'chart: {repository: https://charts.example.com}',
      'short: {image: nginx}',
    ].join('\n');
    expect(read('values.yaml', text)).toEqual({
      kinds: ['values'],
      images: [
        '1 docker.io/acme/app:1',
        `3 ghcr.io/acme/side:v2@sha256:${'b'.repeat(64)}`,
        '4 docker.io/library/postgres:16',
        '5 docker.io/acme/old:3',
        '6 ? acme/late',
        '7 ? acme/number:1.10',
        '8 docker.io/acme/whole:12',
        '10 docker.io/library/nginx',
      ],
    });
  });

  it('a global registry leaves the images open', () => {
    expect(
      read(
        'values.yaml',
        'global: {imageRegistry: evil.example}\nimage: {repository: acme/app, tag: "1"}',
      ).images,
    ).toEqual(['2 ? acme/app:1']);
  });

  it('a template is unresolved, and its fixed images are images', () => {
    const text =
      'spec:\n{{- if .Values.x }}\n  containers:\n  - image: "{{ .Values.repo }}:{{ .Values.tag }}"\n  - image: acme/fixed:1 # why\n{{- end }}\n';
    expect(read('templates/deployment.yaml', text)).toEqual({
      kinds: ['template'],
      images: [
        '2 ? {{- if .Values.x }}',
        '4 ? {{ .Values.repo }}:{{ .Values.tag }}',
        '5 docker.io/acme/fixed:1',
      ],
    });
  });
});

describe('values that pose as something else', () => {
  it.each([
    ['compose', 'services: {a: {}}'],
    ['a workflow', 'on: push\njobs: {a: {runs-on: x}}'],
    ['an action', 'runs: {using: node24}'],
    ['a kustomization', 'images: [{name: a, newTag: "1"}]'],
    ['Kubernetes', 'apiVersion: v1\nkind: ConfigMap'],
  ])('%s', (_, front) => {
    const text = `image: {repository: acme/evil, tag: "1"}\nsidecar: {image: acme/evil2}\n${front}\n`;
    expect(read('prod.yaml', text).images).toEqual(
      expect.arrayContaining(['1 docker.io/acme/evil:1', '2 docker.io/acme/evil2']),
    );
    expect(read('values.yaml', text).images).toEqual(
      expect.arrayContaining(['1 docker.io/acme/evil:1', '2 docker.io/acme/evil2']),
    );
  });

  it('an image beside a repository counts too', () => {
    const text = 'app: {repository: acme/a, tag: "1", image: acme/b}\n';
    expect(read('values.yaml', text).images).toEqual([
      '1 docker.io/acme/a:1',
      '1 docker.io/acme/b:1',
    ]);
    expect(read('x.yaml', `apiVersion: v1\nkind: X\n${text}`).images).toEqual([
      '3 docker.io/acme/a:1',
      '3 docker.io/acme/b:1',
    ]);
  });

  it('a global registry counts in what poses as Kubernetes', () => {
    const text =
      'apiVersion: v1\nkind: X\nglobal: {imageRegistry: evil.example}\nimage: {repository: acme/app, tag: "1"}';
    expect(read('prod.yaml', text).images).toContain('4 ? acme/app:1');
  });

  it('a list of maps is looked through', () => {
    expect(read('list.yaml', '- {name: a, image: acme/a}\n').images).toEqual([
      '1 docker.io/acme/a',
    ]);
  });

  it.each<[string, string, string]>([
    ['in braces', '  containers: [{name: a, image: acme/evil}]', '3 ? acme/evil}]'],
    ['on the next line', '  image:\n    acme/evil', '3 ? image:'],
    ['folded', '  image: >-\n    acme/evil', '3 ? >-'],
    ['behind an anchor', '  image: &x acme/evil', '3 ? &x acme/evil'],
    ['with a key in escapes', '  "\\x69mage": acme/evil', '3 ? "\\x69mage": acme/evil'],
    ['with an explicit key', '  ? image\n  : acme/evil', '3 ? ? image'],
  ])('an image does not hide in what poses as a template: %s', (_, body, expected) => {
    expect(read('x.yaml', `a: 1\na: 2 # {{ x }}\n${body}\n`)).toEqual({
      kinds: ['template'],
      images: [expected],
    });
  });

  it('maps of a template are looked through', () => {
    const text =
      '{{- if .x }}\nimage:\n  repository: {{ .Values.r }}\n  tag: x\n{{- end }}\nimagePullPolicy: Always\n';
    expect(read('templates/x.yaml', text).images).toEqual([
      '1 ? {{- if .x }}',
      '3 ? {{ .Values.r }}',
    ]);
  });
});

describe('GitHub', () => {
  it('workflows: containers, services and docker:// steps', () => {
    const text = [
      'on: push',
      'jobs:',
      '  a:',
      '    runs-on: ubuntu-latest',
      '    container: node:22',
      '    services: {db: {image: "postgres:16"}, off: {image: ""}}',
      '    steps:',
      '      - uses: docker://ghcr.io/acme/tool:1',
      '      - uses: actions/checkout@v5',
      '  b: {runs-on: x, container: {image: "${{ matrix.image }}"}, services: "${{ fromJSON(inputs.s) }}"}',
      '  c: {uses: ./.github/workflows/x.yml}',
    ].join('\n');
    expect(read('.github/workflows/ci.yml', text)).toEqual({
      kinds: ['workflow'],
      images: [
        '5 docker.io/library/node:22',
        '6 docker.io/library/postgres:16',
        '8 ghcr.io/acme/tool:1',
        '10 ? ${{ matrix.image }}',
        '10 ? ${{ fromJSON(inputs.s) }}',
      ],
    });
  });

  it('actions', () => {
    expect(read('action.yml', 'runs:\n  using: docker\n  image: docker://acme/tool:1\n')).toEqual({
      kinds: ['action'],
      images: ['3 docker.io/acme/tool:1'],
    });
    expect(read('action.yml', 'runs: {using: docker, image: Dockerfile}').images).toEqual([]);
    expect(
      read('action.yml', 'runs: {using: composite, steps: [{uses: "docker://a/b"}]}').images,
    ).toEqual(['1 docker.io/a/b']);
  });
});

describe('files', () => {
  it.each<[string, string, readonly string[], string[]]>([
    ['app.Dockerfile', 'FROM a/b', ['Dockerfile'], ['1 docker.io/a/b']],
    ['Containerfile.dev', 'FROM a/b', ['Dockerfile'], ['1 docker.io/a/b']],
    ['build/image', 'FROM a/b\nRUN x\n', ['Dockerfile'], ['1 docker.io/a/b']],
    ['Dockerfile.dockerignore', '*\n!src/image\n', [], []],
    ['Dockerfile.dockerignore', 'FROM a/b', ['Dockerfile'], ['1 docker.io/a/b']],
    ['a.dockerignore', 'services: {a: {image: r.io/a:1}}', ['compose'], ['1 r.io/a:1']],
    ['README.md', '# Title\n\nStart FROM here\n', [], []],
    ['mkdocs.yml', 'site_name: x\n', [], []],
    ['values-prod.yaml', 'replicas: 2\n', ['values'], []],
    [
      'twice.yaml',
      'apiVersion: v1\nkind: Pod\nspec:\n  image: a\n  image: b\n',
      ['unreadable'],
      ['5 ? '],
    ],
    ['broken.yaml', 'a: [\n', ['unreadable'], ['2 ? ']],
  ])('%s', (path, text, kinds, images) => {
    expect(read(path, text)).toEqual({ kinds, images });
  });

  it('what is too large, or no text, is unresolved and not empty', () => {
    expect(read('Dockerfile', `FROM a\n${'#'.repeat(1024 * 1024)}`)).toEqual({
      kinds: ['unreadable'],
      images: ['1 ? '],
    });
    expect(readFileReferences('x.yaml', Buffer.from([0xff, 0xfe, 0x61, 0])).kinds).toEqual([
      'unreadable',
    ]);
    expect(readFileReferences('logo.png', Buffer.from([0xff, 0xfe, 0x61, 0]))).toEqual({
      kinds: [],
      uses: [],
    });
  });

  it.each<[string, string, BufferEncoding, string[]]>([
    ['app.docker', '# caf\xe9\nFROM a/b\n', 'latin1', ['2 docker.io/a/b']],
    ['app.list', '# caf\xe9\napiVersion: v1\nkind: Pod\nspec: {image: a/b}\n', 'latin1', ['1 ? ']],
    ['app.list', '\ufeffapiVersion: v1\nkind: Pod\nspec: {image: a/b}\n', 'utf16le', ['1 ? ']],
    ['app.list', '{"kind":"Pod","apiVersion":"v1","image":"a/b","x":"\xff"}', 'latin1', ['1 ? ']],
    ['NOTES.txt', 'caf\xe9 at noon\nFrom the team\n', 'latin1', []],
    ['logo.png', '\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0image: a/b', 'latin1', []],
  ])('%s that is not UTF-8, and what it names', (path, text, encoding, images) => {
    expect(show(readFileReferences(path, Buffer.from(text, encoding)).uses)).toEqual(images);
  });

  it('a frontend that a YAML file names for `docker build -f` is an image', () => {
    expect(read('spec.yml', '# syntax=evil/frontend:1\nname: x\n').images).toEqual([
      '1 docker.io/evil/frontend:1',
    ]);
    expect(read('spec.yml', '# the syntax=none of it\nname: x\n').images).toEqual([]);
  });

  it('many aliases are followed', () => {
    expect(read('x.yaml', `x: &a b\ny:\n${'- *a\n'.repeat(60_000)}image: acme/a\n`).images).toEqual(
      ['60003 docker.io/acme/a'],
    );
  });

  it.each([
    ['aliases', (size: number) => `x: &a b\ny:\n${'- *a\n'.repeat(size)}image: acme/a\n`],
    ['images', (size: number) => 'spec: {image: acme/a}\n---\n'.repeat(size / 5)],
    [
      'keys',
      (size: number) =>
        `${Array.from({ length: size }, (_, n) => `k${n}:`).join('\n')}\nimage: acme/a\n`,
    ],
    ['lines of a text', (size: number) => `x: |\n${'  image: acme/a\n'.repeat(size)}`],
    ['lines of a comment', (size: number) => `${'# image: acme/a\n'.repeat(size)}image: acme/a\n`],
  ])('a file costs what it is long: %s', (_, text) => {
    const texts = new Map([100, 200].map((size) => [size, text(size)]));
    expect(growth((size) => read('x.yaml', texts.get(size) ?? ''), 100)).toBeLessThan(3);
  });

  it('a template of one endless line is not looked through', () => {
    expect(read('x.yaml', `a: 1\na: {{ x }}\n${'image: '.repeat(140_000)}`).images).toEqual([
      `3 ? ${'image: '.repeat(6).slice(0, 40)}`,
    ]);
  });

  it('an alias means the anchor before it', () => {
    expect(
      read('x.yaml', 'a: &i acme/a\nb: {image: *i}\nc: &i acme/c\nd: {image: *i}\n').images,
    ).toEqual(['2 docker.io/acme/a', '4 docker.io/acme/c']);
    expect(read('x.yaml', 'b: {image: *i}\na: &i acme/a\n').kinds).toEqual(['unreadable']);
  });

  it('aliases of aliases end as unreadable', () => {
    const lines = Array.from(
      { length: 12 },
      (_, n) =>
        `a${n}: &a${n} [${
          n === 0
            ? 'x'
            : Array(9)
                .fill(`*a${n - 1}`)
                .join(', ')
        }]`,
    );
    expect(read('x.yaml', lines.join('\n')).kinds).toEqual(['unreadable']);
    expect(read('x.yaml', '['.repeat(100_000)).kinds).toEqual(['unreadable']);
    expect(read('x.yaml', `a: &a {image: x, b: *a}`).kinds).toEqual(['unreadable']);
  });
});
