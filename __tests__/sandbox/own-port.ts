import type { Server } from 'node:net';

/**
 * Below what systems hand out by themselves (Linux from 32768, others from 49152), above what
 * programs use by habit.
 */
const first = 21_000;
/** Test processes that run at the same time each have a part of them. */
const parts = 8;
const count = Math.floor(11_000 / parts);
const start = first + (Number(process.env.VITEST_POOL_ID ?? process.pid) % parts) * count;
/** Ports that were given out here: a service that is down for a moment keeps its own. */
const given = new Set<number>();

/**
 * Listens on a port of 127.0.0.1 that the system gives to nobody who asks for just any, and that is
 * given to nobody else here: while a service is taken down for a test, no other test's server may
 * come to stand in its place and answer for it.
 */
export async function listenOnOwnPort(server: Server): Promise<number> {
  for (let attempt = 0; ; attempt++) {
    if (given.size > count / 2) given.clear(); // those of long ago
    const port = start + Math.floor(Math.random() * count);
    if (given.has(port)) continue;
    try {
      await listenOn(server, port);
      given.add(port);
      return port;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt >= 50) throw error;
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
