import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Server } from 'node:net';
import type { Clock } from '../../src/clock.ts';
import type { MemoryNetwork } from '../memory-network.ts';

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

/** Where a server of the sandbox is reached, and by what it measures time. */
export interface Surroundings {
  /** that of the machine when absent */
  readonly clock?: Clock;
  /** loopback when absent */
  readonly network?: MemoryNetwork;
}

/** A server that can be taken down for a moment. */
export interface OwnPort {
  readonly port: number;
  /** Refuses new connections (ECONNREFUSED) and ends those that are open. */
  close(): Promise<void>;
  /** Takes connections again, on the same port. */
  open(): Promise<void>;
}

/** Lets a server be reached, on a port of its own of 127.0.0.1. */
export async function openOwnPort(
  server: HttpServer | HttpsServer,
  { network }: Surroundings,
): Promise<OwnPort> {
  if (network !== undefined) {
    const port = network.open(server);
    return {
      port,
      close: async () => network.refuse(port),
      open: async () => void network.open(server, port),
    };
  }
  const port = await listenOnOwnPort(server);
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port, close, open: () => listenOn(server, port) };
}
