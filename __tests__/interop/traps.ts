// Files that name images, made at random from a seed: honest ones in the styles that people and
// programs write, and the same with traps in them, of the kinds where readers of YAML differ.

/** Numbers from 0 up to 1, always the same ones for a seed (mulberry32). */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}

/** An image that only this file names. */
export const imageOf = (id: number, part: string) => `r.io/f${id}-${part}:1`;

const quoted = (dice: Dice, text: string) => dice.of([text, `"${text}"`, `'${text}'`]);

/** A scalar under a key at an indentation, in one of YAML's styles. */
function scalar(dice: Dice, text: string, indent: string): string {
  const inside = `\n${indent}  ${text}`;
  return dice.of([
    quoted(dice, text),
    quoted(dice, text),
    `>-${inside}`,
    `|-${inside}`,
    inside.trimEnd(),
  ]);
}

function container(dice: Dice, id: number, part: string, indent: string): string {
  const image = imageOf(id, part);
  const comment = dice.of(['', '', ' # ümlaut', ' #']);
  return dice.of([
    () =>
      `${indent}- name: ${part}${comment}\n${indent}  image: ${scalar(dice, image, `${indent}  `)}\n`,
    () => `${indent}- image: ${quoted(dice, image)}${comment}\n${indent}  name: ${part}\n`,
    () => `${indent}- {name: ${part}, image: ${quoted(dice, image)}}${comment}\n`,
    () => `${indent}- {"name":"${part}","image":"${image}"}\n`,
    () => `${indent}-\n${indent}  "name": ${part}\n${indent}  "image": ${quoted(dice, image)}\n`,
    () =>
      `${indent}- name: ${part}\n${indent}  args: ["\n${indent}    a\n${indent}  ", 'b']\n${indent}  image: ${image}\n`,
    () => `${indent}- ? name\n${indent}  : ${part}\n${indent}  ? "image"\n${indent}  : ${image}\n`,
    () => `${indent}- <<: {image: ${image}}\n${indent}  name: ${part}\n`,
  ])();
}

/** A Pod with two containers, or one in JSON, perhaps behind a ConfigMap. */
export function honestPod(dice: Dice, id: number): string {
  const head = `apiVersion: v1\nkind: Pod\nmetadata:\n  name: f${id}\n`;
  if (dice.below(8) === 0) {
    const containers = ['a', 'b'].map((part) => ({ name: part, image: imageOf(id, part) }));
    const object = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `f${id}` },
      spec: { containers },
    };
    return JSON.stringify(object, null, dice.of([undefined, 2, '\t']));
  }
  const front = dice.of(['', '', '---\n', '# note\n', '\uFEFF', `x: &x ${imageOf(id, 'a')}\n`]);
  const note = dice.of([
    '',
    '  annotations:\n    a: "{{ b }}"\n    c: |\n      image: no\n',
    '  labels: {}\n',
  ]);
  const indent = dice.of(['', '  ', '    ']);
  const body = `${front}${head}${note}spec:\n  containers:\n${container(dice, id, 'a', `  ${indent}`)}${container(dice, id, 'b', `  ${indent}`)}`;
  const before = dice.of([
    '',
    '',
    `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: f${id}}\ndata:\n  t: >\n    x\n\n    y\n---\n`,
  ]);
  const text = before === '' ? body : `${before}${body.replace(/^\uFEFF|^---\n/, '')}`;
  return dice.below(6) === 0 ? text.replaceAll('\n', '\r\n') : text;
}

/** A compose file with two services. */
export function honestCompose(dice: Dice, id: number): string {
  const service = (part: string) =>
    dice.of([
      () => `  ${part}:\n    image: ${scalar(dice, imageOf(id, part), '    ')}\n`,
      () => `  ${part}: {image: ${quoted(dice, imageOf(id, part))}, restart: always}\n`,
      () => `  ${part}:\n    <<: *base\n    image: ${imageOf(id, part)}\n    ports: ["80:80"]\n`,
      () => `  ${part}:\n    restart: always\n    <<: {image: ${imageOf(id, part)}}\n`,
      () => `  "${part}":\n    image: *${part}\n`,
      () => `  ${part}:\n    image: "\${NONE:-${imageOf(id, part)}}"\n`,
    ])();
  const aliases = ['a', 'b'].map((part) => `x-${part}: &${part} ${imageOf(id, part)}\n`).join('');
  const text = `name: f${id}\nx-base: &base\n  restart: always\n${aliases}services:\n${service('a')}${service('b')}`;
  return dice.below(6) === 0 ? text.replaceAll('\n', '\r\n') : text;
}

/** The files of an overlay: a Pod, and a kustomization that changes its image. */
export function honestOverlay(dice: Dice, id: number): ReadonlyMap<string, string> {
  const pod = `apiVersion: v1\nkind: Pod\nmetadata: {name: f${id}}\nspec:\n  containers:\n  - {name: a, image: "${imageOf(id, 'base')}"}\n`;
  const image = imageOf(id, 'new');
  const operation = {
    op: dice.of(['add', 'replace']),
    path: '/spec/containers/0/image',
    value: image,
  };
  const merge = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `f${id}` },
    spec: { containers: [{ name: 'a', image }] },
  };
  const block = (text: string, indent: string) => text.replaceAll('\n', `\n${indent}`);
  const change = dice.of([
    () => `images:\n- name: r.io/f${id}-base\n  newName: r.io/f${id}-new\n  newTag: "1"\n`,
    () => `images: [{newTag: '1', name: r.io/f${id}-base, newName: r.io/f${id}-new}]\n`,
    () => `patches:\n- target: {kind: Pod}\n  patch: '${JSON.stringify([operation])}'\n`,
    () =>
      `patches:\n- target: {kind: Pod}\n  patch: |-\n    ${block(JSON.stringify([operation], null, 2), '    ')}\n`,
    () =>
      `patches:\n- target: {kind: Pod}\n  patch: >-\n    ${block(JSON.stringify([operation]).replace(',', ',\n'), '    ')}\n`,
    () => `patches:\n- patch: ${JSON.stringify(JSON.stringify(merge))}\n`,
    () =>
      `patches:\n- patch: |\n    apiVersion: v1\n    kind: Pod\n    metadata: {name: f${id}}\n    spec:\n      containers:\n      - name: a\n        image: ${image}\n`,
    () => `patchesStrategicMerge:\n- '${JSON.stringify(merge)}'\n`,
    () =>
      `patchesJson6902:\n- target: {version: v1, kind: Pod, name: f${id}}\n  patch: |-\n    - op: ${operation.op}\n      path: ${operation.path}\n      value: ${image}\n`,
    () =>
      `transformers:\n- |-\n  apiVersion: builtin\n  kind: ImageTagTransformer\n  metadata: {name: x}\n  imageTag: {name: r.io/f${id}-base, newName: r.io/f${id}-new, newTag: "1"}\n`,
  ])();
  return new Map([
    ['pod.yaml', pod],
    ['kustomization.yaml', `resources: [pod.yaml]\n${change}`],
  ]);
}

// Where readers differ: line ends, indicators, tags, anchors, markers, escapes, odd blanks.
const signs =
  '\r|\r\n|\u0085|\u2028|\u2029|\t|#| #| # x|"|\'|{|}|[|]|,|, |:|: |? |- |&b |*a |*a : |!x |!!binary |!!str |! |>|' +
  '<<: |\n|\n\n|---|\n---\n|\n--- |...|\n...\n|{{ x }}|%|%a\n|@|`|\\|\\\n|\uFEFF|\0|~| |    |\u00a0|\\u0069mage: x|=|' +
  'null|yes|\\x0a|\\N|\\L|\x7f|\u200b|\n#\n|\n # c\n|\n\t# c\n|\n\t\n|-\n|:\n|?\n|Image: |IMAGES: |!reset |!override ';
const blocks = [
  '|',
  '|-\n',
  ' |\n',
  '|2\n',
  '"<<": *x\n',
  '!!merge <<: *x\n',
  '"image" : ',
  '"a\n  b"',
  "'a\nb'",
];
const tokens = [...signs.split('|').filter((sign) => sign !== ''), ...blocks];

/** The text with one or two traps put in, at random or where YAML has structure. */
export function trapped(dice: Dice, text: string, id: number): string {
  const images = [
    'image: IMAGE',
    '\nimage: IMAGE',
    '      image: IMAGE\n',
    '? image\n      : IMAGE\n',
    '{image: IMAGE}',
    '- image: IMAGE\n',
    '<<: {image: IMAGE}\n',
    '\n    image: IMAGE\n',
    ', image: IMAGE',
    '"\\u0069mage": IMAGE\n',
  ].map((each) => each.replace('IMAGE', imageOf(id, 'evil')));
  let result = text;
  for (let left = 1 + dice.below(2); left > 0; left--) {
    const places = [...result.matchAll(/\n|: |["'{[,]|image/g)].flatMap(({ 0: found, index }) => [
      index,
      index + found.length,
    ]);
    const at =
      dice.below(5) < 3 || places.length === 0 ? dice.below(result.length + 1) : dice.of(places);
    const put = dice.of([tokens, tokens, images].map((each) => dice.of(each)));
    const cut = dice.below(3) === 0 ? dice.below(5) : 0;
    result = result.slice(0, at) + put + result.slice(at + cut);
  }
  return result;
}
