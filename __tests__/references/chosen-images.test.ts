// Which images inputs `only-images` and `skip-images` leave to judge; and how a name could try to
// slip out of them.
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/failure.ts';
import { parseReference } from '../../src/image/reference.ts';
import { chooseImages } from '../../src/references/chosen-images.ts';

const chosen = (image: string, only: readonly string[], skip: readonly string[] = []) =>
  chooseImages(only, skip).isChosen(parseReference(image));

describe('an image is judged', () => {
  it.each<[string, readonly string[], (readonly string[])?]>([
    ['ghcr.io/acme/app:1', ['ghcr.io/acme/**']],
    ['ghcr.io/acme/team/app', ['ghcr.io/acme/**']],
    ['GHCR.IO/acme/app', ['ghcr.io/acme/**']],
    ['ghcr.io/acme/app', ['GHCR.io/Acme/*']],
    ['ghcr.io/acme/app', ['docker://ghcr.io/acme/app']],
    [`ghcr.io/acme/app@sha256:${'1'.repeat(64)}`, ['ghcr.io/acme/app']],
    ['ghcr.io/acme/app', ['**']],
    ['nginx', ['*']],
    ['nginx:1', ['nginx']],
    ['docker.io/library/nginx', ['nginx']],
    ['index.docker.io/acme/app', ['acme/*']],
    ['acme/app', ['index.docker.io/acme/**']],
    ['localhost:5000/acme/app', ['localhost:5000/**']],
    ['ghcr.io/acme/web', ['ghcr.io/acme/{app,web}']],
    ['ghcr.io/acme/app', [], ['nginx']],
    ['ghcr.io/acme/app', ['ghcr.io/acme/**'], ['ghcr.io/acme/legacy/**']],
  ])('%s with %j and %j', (image, only, skip = []) => {
    expect(chosen(image, only, skip)).toBe(true);
  });
});

describe('an image is left out', () => {
  it.each<[string, readonly string[], (readonly string[])?]>([
    ['nginx', ['ghcr.io/acme/**']],
    ['ghcr.io/acme-evil/app', ['ghcr.io/acme/**']],
    ['ghcr.io.evil.example/acme/app', ['ghcr.io/acme/**']],
    ['ghcr.io:444/acme/app', ['ghcr.io/acme/**']],
    ['evil.example/ghcr.io/acme/app', ['ghcr.io/acme/**']],
    ['ghcr.io/acme/team/app', ['ghcr.io/acme/*']],
    ['ghcr.io/acme/legacy', ['ghcr.io/acme/**', '!ghcr.io/acme/legacy']],
    ['ghcr.io/acme/legacy', [], ['ghcr.io/acme/legacy']],
    ['ghcr.io/acme/legacy', ['ghcr.io/acme/**'], ['**/legacy']],
  ])('%s with %j and %j', (image, only, skip = []) => {
    expect(chosen(image, only, skip)).toBe(false);
  });
});

describe('a reference with an open part', () => {
  const only = ['ghcr.io/acme/**'];
  it.each([
    'node:${VERSION}',
    'bitnami/{{ .Values.name }}',
    'docker.io/$NAME',
    'ghcr.io:5000/acme/$NAME',
    'ghcr.io.evil.example/${NAME}',
  ])('%s is another image, whatever stands there', (text) =>
    expect(chooseImages(only, []).isOther(text)).toBe(true),
  );

  it.each([
    '${IMAGE}',
    '{{ .Values.image.repository }}:1',
    '${REGISTRY}/acme/app',
    'ghcr${DOT}io/acme/app',
    'ghcr.io/${OWNER}/app',
    'GHCR.IO/acme/app:${TAG}',
    '"ghcr.io/acme/app:${TAG}"',
    'node${SUFFIX}',
    'ghcr.io${REST}',
    '<image>',
  ])('%s may be one that is judged', (text) =>
    expect(chooseImages(only, []).isOther(text)).toBe(false),
  );

  it('may be any where a host has a wildcard, and is never left out by skip-images', () => {
    expect(chooseImages(['*.io/acme/**'], []).isOther('docker.io/${NAME}')).toBe(false);
    expect(chooseImages([], ['node']).isOther('node:${VERSION}')).toBe(false);
  });
});

describe('a glob', () => {
  it.each([
    ['ghcr.io/acme/app:1.*', 'without tag and digest'],
    [`ghcr.io/acme/app@sha256:${'1'.repeat(64)}`, 'without tag and digest'],
    ['ghcr.io', 'is a registry'],
  ])('%s is refused', (glob, text) => {
    expect(() => chooseImages([glob], [])).toThrow(Failure);
    expect(() => chooseImages([], [glob])).toThrow(text);
  });
});
