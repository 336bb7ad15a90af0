// Promotion of images of others, by the list of who is known to sign them.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { command } from '../command/command.ts';
import { pushImage } from '../sandbox/images.ts';
import { type SandboxRegistry, startRegistry } from '../sandbox/registry.ts';
import { ferry, lantern, record, recordedIssuer, trustedRoot } from '../verify-action/gate.ts';

let source: SandboxRegistry;
let image: string;
beforeAll(async () => {
  source = await startRegistry({ referrersApi: true });
  image = (await record(source, 'keyless-bundle-rekor1')).reference;
});
afterAll(() => source?.close());

const list = (identity: string) => `apiVersion: sign-image/v1
kind: KnownSigners
publisher: Harbor Lights
entries:
  - images: ["${source.host}/fixtures/**"]
    signers:
      - identity: ${identity}
        issuer: ${recordedIssuer}
`;

async function promote(images: string, identity: string) {
  const target = await startRegistry();
  try {
    const { code, json } = await command(
      [
        ...['promote', '--images', images, '--to', `${target.host}/mirror/`, '--json'],
        ...['--known-signers', '--policy', 'list.yaml', '--trusted-root', trustedRoot],
      ],
      { files: { 'list.yaml': list(identity) } },
    );
    const written = target.requests.filter(({ method }) => !/GET|HEAD/.test(method)).length;
    return { code, results: json.results, copied: written > 0 };
  } finally {
    await target.close();
  }
}

it('an image that its publisher has signed goes over, judged under the name of its source', async () => {
  expect(await promote(image, ferry)).toMatchObject({
    code: 0,
    results: [{ status: 'promoted', verified: true }],
    copied: true,
  });
});

it('one that somebody else has signed does not', async () => {
  expect(await promote(image, lantern)).toMatchObject({
    code: 1,
    results: [{ status: 'failed', verified: false, code: 'wrong-identity' }],
    copied: false,
  });
});

it('one that nobody is known to sign does not, also beside one that does', async () => {
  const { reference } = await pushImage(source.host, 'nobody/app', { tag: 'v1' });
  const { code, results } = await promote(`${image}\n${reference}`, ferry);
  expect(code).toBe(1);
  expect(results.map(({ status, verified }) => [status, verified]).sort()).toEqual([
    ['failed', false],
    ['promoted', true],
  ]);
});
