// What is published: the package of npm and the container image, as their files say it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from './command.ts';

const read = (path: string) => readFileSync(join(root, path), 'utf8');
const about = JSON.parse(read('package.json'));

it('the package has the command and what it loads, and asks npm for nothing else', () => {
  expect(about).toMatchObject({
    name: 'sign-image',
    bin: { 'sign-image': 'dist/cli.js' },
    engines: { node: '>=24' },
    publishConfig: { access: 'public', provenance: true },
  });
  expect(about.private).toBeUndefined();
  // Everything is bundled: whoever installs it runs what was reviewed, and nothing that came since.
  expect(Object.keys(about.dependencies ?? {})).toEqual([]);
  expect(about.scripts).not.toHaveProperty('install');
  expect(about.scripts).not.toHaveProperty('postinstall');
  for (const file of about.files) expect(existsSync(join(root, file)), file).toBe(true);
  expect(about.files).toEqual([
    'dist/cli.js',
    'dist/cli/',
    'dist/package.json',
    'dist/LICENSES.txt',
  ]);
  expect(read('dist/cli.js').split('\n')[0]).toBe('#!/usr/bin/env node');
});

it('the container has the same files, runs nothing while it is built, and nothing as root', () => {
  const dockerfile = read('Dockerfile');
  const copied = [...dockerfile.matchAll(/^COPY (?:--\S+ )?((?:(?!<<).)+) \S+$/gm)].flatMap(
    ([, files = '']) => files.split(' '),
  );
  expect(copied.sort()).toEqual(
    [
      'LICENSE',
      'package.json',
      ...about.files.map((file: string) => file.replace(/\/$/, '')),
    ].sort(),
  );
  const ignore = read('.dockerignore').trim().split('\n');
  expect(ignore.slice(1).sort()).toEqual(copied.map((file) => `!${file}`).sort());
  expect(ignore[0]).toBe('*');
  expect(dockerfile).not.toMatch(/^RUN /m);
  expect(dockerfile).toMatch(/^FROM node:24-alpine$/m);
  expect(dockerfile).toMatch(/^USER node$/m);
});

it('the archive that a job of GitHub downloads is without both', () => {
  const attributes = read('.gitattributes');
  for (const path of ['/dist/cli', '/dist/cli.js', '/Dockerfile', '/.dockerignore', '/templates'])
    expect(attributes).toContain(`${path} export-ignore\n`);
});
