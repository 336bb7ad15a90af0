import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { AheadConnections } from '../src/http/ahead.ts';

/**
 * Where servers listen and clients connect inside of this process, without the system: real HTTP
 * of Node on both sides, and every byte arrives in the next turn of the event loop. So it is known
 * when nothing is on its way any more, which a FakeClock needs. Give it to `createHttp` as `ahead`.
 */
export class MemoryNetwork implements AheadConnections {
  readonly #servers = new Map<number, Server>();
  /** ports where a connection is never accepted and never refused */
  readonly #mute = new Set<number>();
  #last = 0;

  /** Lets a server be reached, on its old port or a new one. @returns the port of 127.0.0.1 */
  open(server: Server, port = ++this.#last): number {
    this.#servers.set(port, server);
    this.#mute.delete(port);
    return port;
  }

  /** Refuses connections there from now on, and ends those that are open. */
  refuse(port: number): void {
    this.#servers.get(port)?.closeAllConnections();
    this.#servers.delete(port);
  }

  /** Lets connections there neither succeed nor fail: packets get lost. */
  mute(port: number): void {
    this.refuse(port);
    this.#mute.add(port);
  }

  /** The client's end of a new connection. */
  take(_host: string, port: number): Socket {
    const [near, far] = MemorySocket.pair();
    const server = this.#servers.get(port);
    if (server !== undefined) {
      server.emit('connection', far);
    } else {
      near.connecting = true;
      if (!this.#mute.has(port)) setImmediate(() => near.destroy(failure('ECONNREFUSED')));
    }
    return near as unknown as Socket;
  }

  /** A client is closed; the servers stay. */
  close(): void {}
}

function failure(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(code), { code });
}

/** One end of a connection: what Node's HTTP uses of a socket. */
class MemorySocket extends Duplex {
  connecting = false;
  readonly remoteAddress = '127.0.0.1';
  #peer: MemorySocket | undefined;
  #resets = false;

  static pair(): [MemorySocket, MemorySocket] {
    const pair: [MemorySocket, MemorySocket] = [new MemorySocket(), new MemorySocket()];
    [pair[0].#peer, pair[1].#peer] = [pair[1], pair[0]];
    return pair;
  }

  constructor() {
    super({ allowHalfOpen: false });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, written: () => void): void {
    setImmediate(() => {
      if (this.#peer?.destroyed === false) this.#peer.push(chunk);
      written();
    });
  }

  override _final(done: () => void): void {
    setImmediate(() => {
      this.#hangUp();
      done();
    });
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    setImmediate(() =>
      this.#resets ? this.#peer?.destroy(failure('ECONNRESET')) : this.#hangUp(),
    );
    done(error);
  }

  #hangUp(): void {
    if (this.#peer?.destroyed === false && !this.#peer.readableEnded) this.#peer.push(null);
  }

  /** An RST, not an orderly end. */
  resetAndDestroy(): this {
    this.#resets = true;
    return this.destroy();
  }

  setKeepAlive = () => this;
  setNoDelay = () => this;
  setTimeout = () => this;
  ref = () => this;
  unref = () => this;
}
