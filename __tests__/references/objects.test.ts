// Kinds that name images elsewhere than in containers: what is read, what is unresolved (?), what is
// only told (~). Each trap stands beside its honest twin.
import { describe, expect, it } from 'vitest';
import { read } from './show.ts';

const object = (apiVersion: string, kind: string, ...lines: readonly string[]) =>
  [`apiVersion: ${apiVersion}`, `kind: ${kind}`, ...lines, ''].join('\n');

type Row = readonly [string, string, readonly string[]];
const check = (name: string) => (_: string, text: string, images: readonly string[]) =>
  expect(read(name, text).images).toEqual(images);

describe('GitOps', () => {
  const flux = (...lines: readonly string[]) =>
    object('kustomize.toolkit.fluxcd.io/v1', 'Kustomization', 'spec:', ...lines);
  const argo = (...lines: readonly string[]) =>
    object('argoproj.io/v1alpha1', 'Application', 'spec:', '  source:', ...lines);
  it.each<Row>([
    ['images of Flux', flux('  images: [{name: a, newName: r.io/b, newTag: "1"}]'), ['4 r.io/b:1']],
    ['a tag alone', flux('  images: [{name: a, newName: r.io/b}]'), ['4 ? r.io/b']],
    [
      'JSON patches of Flux are lists',
      flux('  patchesJson6902:', '  - patch: [{op: add, path: /spec/image, value: r.io/a}]'),
      ['5 r.io/a'],
    ],
    ['what Flux substitutes', flux('  postBuild: {substitute: {A: b}}'), []],
    [
      'values of a HelmRelease, and its post renderers',
      object(
        'helm.toolkit.fluxcd.io/v2',
        'HelmRelease',
        'spec:',
        '  values: {image: {name: r.io/a, tag: "1"}}',
        '  postRenderers: [{kustomize: {images: [{name: x, newName: r.io/b, newTag: "2"}]}}]',
      ),
      ['4 r.io/a:1', '5 r.io/b:2'],
    ],
    [
      'kustomize of Argo CD',
      argo('    kustomize: {images: [a=r.io/b:1, "c=r.io/d"]}'),
      ['5 r.io/b:1', '5 ? c=r.io/d'],
    ],
    [
      'parameters of Argo CD',
      argo(
        '    helm:',
        '      parameters:',
        '      - {name: image.repository, value: r.io/a}',
        '      - {name: image.tag, value: 1.10}',
        '      - {name: sidecar.image.tag, value: "2"}',
      ),
      ['8 r.io/a:1.10', '9 ? 2'],
    ],
    [
      'values of Argo CD as a text',
      argo('    helm:', '      values: |', '        image: r.io/a:1'),
      ['7 r.io/a:1'],
    ],
    [
      'values of Argo CD as an object',
      argo('    helm: {valuesObject: {image: r.io/a:1}}'),
      ['5 r.io/a:1'],
    ],
    [
      'a patch of templates',
      object(
        'argoproj.io/v1alpha1',
        'ApplicationSet',
        'spec:',
        '  templatePatch: |',
        '    spec: {source: {{ toYaml .source }}}',
      ),
      ['4 ? templatePatch'],
    ],
    [
      'a chart of k3s',
      object(
        'helm.cattle.io/v1',
        'HelmChart',
        'spec:',
        '  set: {image.repository: r.io/a, image.tag: "1"}',
        '  valuesContent: |-',
        '    b: {image: r.io/b:1}',
      ),
      ['4 r.io/a:1', '6 r.io/b:1'],
    ],
  ])('%s', check('x.yaml'));
});

describe('OpenShift', () => {
  const config = (image: string, trigger: string) =>
    object(
      'apps.openshift.io/v1',
      'DeploymentConfig',
      'spec:',
      `  triggers: [${trigger}]`,
      `  template: {spec: {containers: [{name: a, image: ${image}}]}}`,
    );
  const trigger =
    '{type: ImageChange, imageChangeParams: {containerNames: [a], from: {kind: ImageStreamTag, name: b}}}';
  it.each<Row>([
    ['an image that a trigger fills in', config('" "', trigger), ['5 ~ a']],
    ['a blank image that no trigger fills in', config('" "', ''), ['5 ?  ']],
    ['an image beside a trigger', config('r.io/a:1', trigger), ['5 r.io/a:1']],
    [
      'a Docker image of a build, and where the build pushes to',
      object(
        'build.openshift.io/v1',
        'BuildConfig',
        'spec:',
        '  strategy: {dockerStrategy: {from: {kind: DockerImage, name: r.io/a:1}}}',
        '  output: {to: {kind: DockerImage, name: r.io/out:1}}',
      ),
      ['4 r.io/a:1'],
    ],
    [
      'a whole repository',
      object('image.openshift.io/v1', 'ImageStream', 'spec: {dockerImageRepository: r.io/a}'),
      ['3 ? r.io/a'],
    ],
  ])('%s', check('x.yaml'));
});

describe('policies and functions', () => {
  const kyverno = (rule: string) =>
    object('kyverno.io/v1', 'ClusterPolicy', 'spec:', '  rules:', `  - ${rule}`);
  it.each<Row>([
    ['a pattern', kyverno('validate: {pattern: {spec: {containers: [{image: "!*:latest"}]}}}'), []],
    [
      'a mutation',
      kyverno('mutate: {patchStrategicMerge: {spec: {containers: [{image: r.io/a:1}]}}}'),
      ['5 r.io/a:1'],
    ],
    [
      'an image that is added',
      kyverno('mutate: {patchStrategicMerge: {spec: {containers: [{"+(image)": r.io/a:1}]}}}'),
      ['5 r.io/a:1'],
    ],
    [
      'a JSON patch',
      kyverno(
        "mutate: {patchesJson6902: '[{op: add, path: /spec/containers/0/image, value: r.io/a:1}]'}",
      ),
      ['5 r.io/a:1'],
    ],
    [
      'a function',
      object(
        'v1',
        'ConfigMap',
        'metadata:',
        '  annotations:',
        '    config.kubernetes.io/function: |',
        '      container: {image: r.io/a:1}',
      ),
      ['6 r.io/a:1'],
    ],
  ])('%s', check('x.yaml'));
});

describe('what only another program knows to be an image is told', () => {
  const pod = (fields: string) =>
    object('v1', 'Pod', 'spec:', `  containers: [{name: a, image: r.io/a:1, ${fields}}]`);
  it.each<Row>([
    [
      'an argument',
      pod('args: [--helper=r.io/b:2, --image=busybox:1, --port=80]'),
      ['4 r.io/a:1', '4 ~ r.io/b:2', '4 ~ busybox:1'],
    ],
    [
      'a variable',
      pod('env: [{name: RELATED_IMAGE_B, value: acme/b:2}, {name: HOST, value: a.example:80}]'),
      ['4 r.io/a:1', '4 ~ acme/b:2'],
    ],
    [
      'a package of Crossplane',
      object('pkg.crossplane.io/v1', 'Provider', 'spec: {package: xpkg.example.org/acme/p:v1}'),
      ['3 ~ xpkg.example.org/acme/p:v1'],
    ],
    [
      'a bundle of Tekton',
      object(
        'tekton.dev/v1',
        'PipelineRun',
        'spec: {pipelineRef: {resolver: bundles, params: [{name: bundle, value: "r.io/b:1"}]}}',
      ),
      ['3 ~ r.io/b:1'],
    ],
    [
      'a default of a CRD',
      object(
        'apiextensions.k8s.io/v1',
        'CustomResourceDefinition',
        'spec: {schema: {properties: {image: {type: string, default: "r.io/b:1"}}}}',
      ),
      ['3 ~ r.io/b:1'],
    ],
    [
      'a manifest in a ConfigMap',
      object('v1', 'ConfigMap', 'data:', '  a: |', '    image: r.io/b:1'),
      ['4 ~ a'],
    ],
    [
      'an address is no image',
      pod('env: [{name: A, value: "https://a.example/b:1"}]'),
      ['4 r.io/a:1'],
    ],
  ])('%s', check('x.yaml'));
});

describe('kustomize', () => {
  const patch = (...operations: readonly string[]) =>
    [
      'patches:',
      '- target: {kind: Pod}',
      '  patch: |',
      ...operations.map((each) => `    - ${each}`),
      '',
    ].join('\n');
  it.each<Row>([
    ['a field in other letters', 'Images: [{name: a, newTag: "1"}]', ['1 ? Images']],
    ['a field of an image in other letters', 'images: [{name: a, NewTag: "1"}]', ['1 ? NewTag']],
    ['a patch in other letters', 'patches: [{Patch: "[]"}]', ['1 ? patch']],
    ['a suffix', 'images: [{name: a, tagSuffix: -x}]', ['1 ? -x']],
    [
      'a copy to an image',
      patch('{op: copy, from: /metadata/name, path: /spec/containers/0/image}'),
      ['4 ? /spec/containers/0/image'],
    ],
    [
      'a move of a container',
      patch('{op: move, from: /metadata, path: /spec/containers/0}'),
      ['4 ? /spec/containers/0'],
    ],
    ['a copy to a label', patch('{op: copy, from: /metadata/name, path: /metadata/labels/a}'), []],
    [
      'a path without a slash in front',
      patch('{op: add, path: x/spec/containers/0/image, value: r.io/a:1}'),
      ['4 r.io/a:1'],
    ],
    ['a part of an image', patch('{op: add, path: /spec/values/image/tag, value: "2"}'), ['4 ? 2']],
    ['a pull policy', patch('{op: add, path: /spec/values/image/pullPolicy, value: Always}'), []],
    [
      'an operation that a merge key changes',
      patch('{op: add, path: /a/image, value: r.io/a:1, <<: {value: r.io/b:1}}'),
      ['4 ? r.io/a:1', '4 r.io/a:1'],
    ],
    ['a patch that readers differ in', 'patches: [{patch: "# x\\r- {op: add}"}]', ['1 ? patch']],
    [
      'a replacement of a port',
      'replacements: [{source: {}, targets: [{fieldPaths: [spec.ports.0.port]}]}]',
      [],
    ],
    [
      'a replacement of an image',
      'replacements: [{source: {}, targets: [{fieldPaths: ["spec.containers.[name=a].image"]}]}]',
      ['1 ? spec.containers.[name=a].image'],
    ],
    ['a transformer of its own', 'transformers: ["{apiVersion: a/v1, kind: B}"]', ['1 ? B']],
    [
      'labels by a transformer',
      'transformers: ["{apiVersion: builtin, kind: LabelTransformer, labels: {a: b}}"]',
      [],
    ],
    [
      'a base elsewhere',
      'resources: ["https://git.example.com/a//b?ref=v1", pod.yaml]',
      ['1 ~ https://git.example.com/a//b?ref=v1'],
    ],
  ])('%s', check('kustomization.yaml'));

  it('replacements in a file of their own', () => {
    const text = 'source: {kind: ConfigMap}\ntargets: [{fieldPaths: [spec.template]}]\n';
    expect(read('replace.yaml', text).images).toEqual(['2 ? spec.template']);
  });
});

describe('Helm values', () => {
  it.each<Row>([
    [
      'registry, repository and name',
      'image: {registry: r.io, repository: acme, name: a, tag: "1"}',
      ['1 ? r.io/acme'],
    ],
    [
      'registry and image',
      'a: {image: {registry: r.io, image: acme/a, tag: "1"}}',
      ['1 r.io/acme/a:1'],
    ],
    ['repo and tag', 'image: {repo: r.io/a, tag: "1"}', ['1 r.io/a:1']],
    ['name and tag', 'image: {name: r.io/a, tag: "1"}', ['1 r.io/a:1']],
    ['imageRepository and imageTag', 'imageRepository: r.io/a\nimageTag: "1"', ['2 r.io/a:1']],
    [
      'an image with its tag in another field',
      'proxyImage: r.io/a\nproxyImageTag: "1"',
      ['1 r.io/a', '2 r.io/a:1'].slice(1),
    ],
    ['an image with a version beside it', 'image: r.io/a\nversion: "1"', ['2 ? r.io/a']],
    ['a tag alone', 'image: {tag: "1"}', ['1 ? 1']],
    ['a policy alone', 'image: {pullPolicy: Always}', []],
    [
      'names under images',
      'images: {tags: {a: r.io/a:1}, b: r.io/b:1, pull_policy: Always}',
      ['1 r.io/a:1', '1 r.io/b:1'],
    ],
    ['images in parts under images', 'images: {a: {name: r.io/a, tag: "1"}}', ['1 r.io/a:1']],
    [
      'a registry for all',
      'imageRegistry: r.io\na: {image: acme/a:1}\nb: {image: q.io/b:1}',
      ['2 ? acme/a:1', '3 q.io/b:1'],
    ],
    [
      'a global registry',
      'a: {global: {image: {registry: r.io}}}\nb: {image: q.io/b:1}',
      ['1 ? r.io', '2 ? q.io/b:1'],
    ],
    [
      'a login for a registry',
      'login: {registry: r.io, username: a, password: b}\na: {image: acme/a:1}',
      ['2 docker.io/acme/a:1'],
    ],
    [
      'an empty registry',
      'global: {imageRegistry: ""}\na: {image: acme/a:1}',
      ['2 docker.io/acme/a:1'],
    ],
    ['numbers that all print alike', 'image: {repository: r.io/a, tag: 1.25}', ['1 r.io/a:1.25']],
    [
      'a tag that YAML 1.1 takes for a number',
      'image: {repository: r.io/a, tag: 1_0}',
      ['1 ? r.io/a:1_0'],
    ],
    [
      'a tag that Helm prints as 1e+06',
      'image: {repository: r.io/a, tag: 1000000}',
      ['1 ? r.io/a:1000000'],
    ],
    ['a tag that is a truth value', 'image: {repository: r.io/a, tag: yes}', ['1 ? r.io/a:yes']],
    ['a repository with a tag of YAML', 'image: {repository: !x r.io/a, tag: "1"}', ['1 ? ']],
    ['a field of the chart’s own', 'a: {puller: r.io/a:1}', ['1 ~ r.io/a:1']],
  ])('%s', check('values.yaml'));
});

describe('templates', () => {
  const pod = object('v1', 'Pod', 'spec: {containers: [{name: a, image: r.io/a:1}]}');
  it.each<readonly [string, string, string, readonly string[]]>([
    [
      'an action in a comment that Helm renders',
      'chart/templates/x.yaml',
      `${pod}# {{ x }}\n`,
      ['3 r.io/a:1', '4 ? # {{ x }}'],
    ],
    ['an action in a comment elsewhere', 'deploy/x.yaml', `${pod}# {{ x }}\n`, ['3 r.io/a:1']],
    ['an action in a key', 'deploy/x.yaml', `${pod}a{{ x }}: b\n`, ['3 r.io/a:1', '4 ? a{{ x }}']],
    ['an action in a text', 'deploy/x.yaml', `${pod}a: "{{ x }}"\n`, ['3 r.io/a:1']],
    [
      'an expression of GitHub in a key',
      '.github/workflows/x.yml',
      'on: push\njobs: {a: {runs-on: x, env: {"${{ x }}": b}}}\n',
      [],
    ],
  ])('%s', (_, path, text, images) => expect(read(path, text).images).toEqual(images));
});

it('texts in texts are read as deep as people nest them', () => {
  const nest = (levels: number): string =>
    levels === 0
      ? 'spec: {containers: [{image: r.io/a:1}]}\n'
      : object(
          'kustomize.toolkit.fluxcd.io/v1',
          'Kustomization',
          'spec:',
          '  patches:',
          '  - patch: |',
          nest(levels - 1).replaceAll(/^(?=.)/gm, '      '),
        );
  expect(read('x.yaml', nest(3)).images).toEqual(['16 r.io/a:1']);
  expect(read('x.yaml', nest(200)).images).toEqual([expect.stringContaining('? patch')]);
});

describe('what kubectl reads under any name', () => {
  it.each<readonly [string, string, string, readonly string[]]>([
    [
      'a Pod',
      'deploy/pod.txt',
      object('v1', 'Pod', 'spec: {containers: [{image: r.io/a:1}]}'),
      ['3 r.io/a:1'],
    ],
    [
      'a Pod with a trap',
      'deploy/pod.txt',
      object('v1', 'Pod', 'a: &i image', 'spec: {containers: [{*i : r.io/a:1}]}'),
      ['4 ? '],
    ],
    ['notes', 'deploy/NOTES.txt', 'Hello\n\n  the image: {{ x }} is "here\n', []],
    ['a page', 'README.md', '---\ntitle: x\n---\n# Use\n\n```yaml\nimage: a\n```\n', []],
  ])('%s', (_, path, text, images) => expect(read(path, text).images).toEqual(images));
});
