import { Failure, type FailureCode } from '../../src/failure.ts';
import { createHttp } from '../../src/http/client.ts';
import { createDeadline } from '../../src/http/deadline.ts';
import { openRegistry } from '../../src/registry/client.ts';
import type { Credentials } from '../../src/registry/login.ts';
import { openStore, realTempo } from '../../src/registry/store.ts';
import { judge } from '../../src/signature/judge.ts';
import type { SignaturePolicy } from '../../src/signature/policy.ts';
import type { Trust } from '../../src/signature/trust.ts';
import type { Verdict, VerdictCode } from '../../src/signature/verdict.ts';
import type { PlantedImage } from './shelf.ts';

/** What the gate says of one image. */
export interface Outcome {
  readonly verified: boolean;
  /** of every signature found, without repetition; of the failure where there was one; `unsigned` for none at all */
  readonly codes: readonly (VerdictCode | FailureCode)[];
  /** every text that a person gets to see */
  readonly texts: readonly string[];
  readonly verdicts: readonly Verdict[];
  readonly milliseconds: number;
}

export interface GateOptions {
  readonly login?: Credentials;
  /** milliseconds for everything */
  readonly budget?: number;
}

/** Asks the gate about an image, over HTTP, as a run would: nothing is shared between two questions but the trusted root. */
export async function gate(image: PlantedImage, policy: SignaturePolicy, trust: Trust, options: GateOptions = {}): Promise<Outcome> {
  const begin = performance.now();
  const { budget = 9_000, login } = options;
  const http = createHttp({ deadline: createDeadline(budget), env: {} });
  const open = openRegistry({ http, credentials: async () => login, access: 'pull', mask: () => {}, patience: 0 });
  const [, registry = '', repository = ''] = /^([^/]+)\/(.+)$/.exec(image.reference) ?? [];
  try {
    const store = openStore(open({ registry, repository }), image.digest, realTempo(Date.now() + budget));
    const found = await store.found(['bundle', 'legacy'], 'all');
    const verdicts = found.map((signature) => judge(signature, image.digest, policy, trust));
    const codes = verdicts.length === 0 ? (['unsigned'] as const) : [...new Set(verdicts.map(({ code }) => code))];
    const verified = verdicts.some((verdict) => verdict.verified);
    const texts = verdicts.flatMap(({ reason, reference }) => [reference, ...(reason === undefined ? [] : [reason])]);
    return { verified, codes, texts, verdicts, milliseconds: performance.now() - begin };
  } catch (caught) {
    if (!(caught instanceof Failure)) throw caught;
    const texts = [caught.message, caught.fix];
    return { verified: false, codes: [caught.code], texts, verdicts: [], milliseconds: performance.now() - begin };
  } finally {
    http.close();
  }
}
