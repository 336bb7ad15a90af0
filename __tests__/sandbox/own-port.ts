import type { Server } from 'node:net';

/** Below what systems hand out by themselves (Linux from 32768, others from 49152), above what programs use by habit. */
const first = 21_000;
const count = 11_000;

/**
 * Listens on a port of 127.0.0.1 that the system gives to nobody who asks for just any: while a service is taken down for a test, no other
 * test's server may come to stand in its place and answer for it.
 */
export async function listenOnOwnPort(server: Server): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    const port = first + Math.floor(Math.random() * count);
    try {
      await listenOn(server, port);
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === 50) throw error;
    }
  }
}

/** Listens on this port. Rejects as node:net does. */
export function listenOn(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}
