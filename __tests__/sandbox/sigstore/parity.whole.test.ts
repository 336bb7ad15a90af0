import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Observation, observe } from './observation.ts';
import { parityCases } from './parity-cases.ts';
import { type Sigstore, startSigstore } from './sigstore.ts';
import type { World } from './well-formed.ts';

// parity.jsonl is what the real Sigstore answered to every case. By default the sandbox must answer
// the same.
//   PARITY=real    asks the deployment that FULCIO_URL, REKOR_URL, … name, and compares it with the record
//   PARITY=record  asks it, and writes the record anew
const mode = process.env.PARITY ?? 'sandbox';
const file = new URL('parity.jsonl', import.meta.url);
const recorded: Record<string, Observation> = {};
if (mode !== 'record') {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  for (const [name, observation] of lines.map((line) => JSON.parse(line) as [string, Observation]))
    recorded[name] = observation;
}

const named = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`PARITY=${mode} needs ${name}`);
  return value;
};
const realWorld = (): World => ({
  fulcioUrl: named('FULCIO_URL'),
  rekorUrl: named('REKOR_URL'),
  rekor2Url: named('REKOR2_URL'),
  timestampUrl: named('TSA_URL'),
  oidcUrl: named('OIDC_URL'),
  idTokenRequestUrl: named('ACTIONS_ID_TOKEN_REQUEST_URL'),
  idTokenRequestToken: named('ACTIONS_ID_TOKEN_REQUEST_TOKEN'),
});

let sandbox: Sigstore | undefined;
let world: World;

beforeAll(async () => {
  if (mode === 'sandbox') sandbox = await startSigstore();
  world = sandbox ?? realWorld();
});

afterAll(async () => {
  await sandbox?.close();
  if (mode === 'record')
    writeFileSync(
      file,
      Object.entries(recorded)
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(''),
    );
});

describe(`Sigstore (${mode}) answers as recorded`, () => {
  it.each(parityCases.map(({ name, send }) => [name, send] as const))('%s', async (name, send) => {
    const seen = await observe(await send(world));
    if (mode === 'record') recorded[name] = seen;
    expect(seen).toEqual(recorded[name]);
  });

  it('has a record of every case, and of no other', () => {
    expect(Object.keys(recorded).sort()).toEqual(parityCases.map(({ name }) => name).sort());
  });
});
