import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

const end = join(import.meta.dirname, '../../src/run/end.ts');

/** A process that does this and ends the step with 3. */
function run(before: string) {
  const script = `import { endStep } from ${JSON.stringify(end)};\n${before}\nendStep(3);`;
  return spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
}

describe('endStep', () => {
  it('waits until a slow reader has all that was printed, more than a pipe holds', async () => {
    const child = run("process.stdout.write('a'.repeat(1_000_000)); process.stdout.write('the last line');");
    const closed = once(child, 'close');
    await setTimeout(300); // nobody reads: the pipe is full
    let said = '';
    for await (const chunk of child.stdout.setEncoding('utf8')) said += chunk;
    expect(await closed).toEqual([3, null]);
    expect(said).toHaveLength(1_000_013);
    expect(said.endsWith('the last line')).toBe(true);
  });

  it('does not wait for a server that keeps its connection open', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const child = run(`import net from 'node:net'; await new Promise((resolve) => net.connect(${port}, '127.0.0.1', resolve));`);
    expect(await once(child, 'close')).toEqual([3, null]);
    server.close();
  });
});
