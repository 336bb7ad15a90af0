import type { ParityCase } from './parity-case.ts';
import { fulcioCases, oidcCases } from './parity-fulcio.ts';
import { rekorCases } from './parity-rekor1.ts';
import { rekor2Cases } from './parity-rekor2.ts';
import { timestampCases } from './parity-timestamp.ts';

/**
 * The same good and bad requests for both worlds. The order matters: later ones look at what
 * earlier ones wrote.
 */
export const parityCases: readonly ParityCase[] = [
  ...oidcCases,
  ...fulcioCases,
  ...rekorCases,
  ...rekor2Cases,
  ...timestampCases,
];
