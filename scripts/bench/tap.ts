// Listens in on what a program reads from a registry: every entry of the documents under shared
// tags that was ever answered to it.
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Tap {
  /** 127.0.0.1:PORT: stands for the registry */
  readonly host: string;
  /** entries by `tag key`: digests of referrers, or signatures of layers */
  readonly seen: Set<string>;
  close(): Promise<void>;
}

/**
 * The entries of a document under a shared tag, as `tag key`; nothing for other paths and other
 * documents.
 */
export function entriesOf(path: string, body: string): string[] {
  const tag = /\/manifests\/(sha256-[0-9a-f]{64}(?:\.sig)?)$/.exec(path)?.[1];
  if (tag === undefined) return [];
  try {
    const { manifests = [], layers = [] } = JSON.parse(body) as {
      manifests?: { digest: string }[];
      layers?: { annotations?: Record<string, string> }[];
    };
    const keys = tag.endsWith('.sig')
      ? layers.map(({ annotations }) => annotations?.['dev.cosignproject.cosign/signature'])
      : manifests.map(({ digest }) => digest);
    return keys.map((key) => `${tag} ${key}`);
  } catch {
    return [];
  }
}

/** Starts a proxy before `target` (HOST:PORT, plain http) that passes everything on unchanged. */
export async function startTap(target: string): Promise<Tap> {
  const seen = new Set<string>();
  const agent = new Agent({ keepAlive: true });
  const [hostname, port] = target.split(':');
  const server = createServer((asked, answer) => {
    const { connection: _, ...headers } = asked.headers;
    const sent = request(
      { hostname, port, agent, method: asked.method, path: asked.url, headers },
      (upstream) => {
        const parts: Buffer[] = [];
        upstream.on('data', (part: Buffer) => parts.push(part));
        upstream.on('end', () => {
          const body = Buffer.concat(parts);
          if (asked.method === 'GET' && upstream.statusCode === 200)
            for (const entry of entriesOf(asked.url ?? '', body.toString('utf8'))) seen.add(entry);
          answer.writeHead(upstream.statusCode ?? 502, upstream.headers).end(body);
        });
      },
    );
    sent.on('error', () => answer.destroy());
    asked.pipe(sent);
  });
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: () =>
      new Promise((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
