import { readFileSync } from 'node:fs';
import { createTrust, parseTrustedRoot } from '../../src/signature/trust.ts';
import { keyless } from './attack.ts';
import { type GateOptions, gate } from './gate.ts';
import type { PlantedImage } from './store.ts';

/**
 * Asks the gate about one image in a process of its own, so that what it costs can be measured. The
 * question comes on standard input.
 */
const question: {
  readonly image: PlantedImage;
  readonly trustedRoot: unknown;
  readonly budget?: number;
  readonly attestations?: NonNullable<GateOptions['attestations']>;
} = JSON.parse(await text(process.stdin));
const trust = createTrust(parseTrustedRoot(Buffer.from(JSON.stringify(question.trustedRoot))));
const { budget, attestations } = question;
const options = {
  ...(budget === undefined ? {} : { budget }),
  ...(attestations === undefined ? {} : { attestations }),
};
const { user, system } = process.cpuUsage();
const { verified, codes, verdicts } = await gate(question.image, keyless, trust, options);
const spent = process.cpuUsage({ user, system });
// Not `resourceUsage().maxRSS`: Linux lets that begin at the size of the process that started this
// one.
const megabytes = Math.round(
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024,
);
process.stdout.write(
  JSON.stringify({
    verified,
    codes,
    signatures: verdicts.length,
    computed: Math.round((spent.user + spent.system) / 1000),
    megabytes,
  }),
);

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
