import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

export interface ClientOptions {
  readonly credentials?: Credentials;
  /** speak TLS; with `ca` (PEM) that authority is trusted */
  readonly tls?: boolean;
  readonly ca?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * A plain registry client for tests: written apart from the product's own, so that one does not
 * hide the other's mistakes. No retries, no limits: it is for registries that a test started.
 */
export class RegistryClient {
  private readonly origin: string;
  private readonly options: ClientOptions;
  private token: string | undefined;

  constructor(host: string, options: ClientOptions = {}) {
    this.options = options;
    this.origin = `http${options.tls === true ? 's' : ''}://${host}`;
  }

  /**
   * One request, with a token if the registry asks for one; throws where the status is none of
   * `wanted` (any, when empty).
   */
  async ask(
    method: string,
    path: string,
    { headers = {}, body, wanted = [] }: Ask = {},
  ): Promise<Answer> {
    const url = new URL(path, this.origin);
    const authorized = () => ({
      ...headers,
      ...(url.origin === this.origin ? this.authorization() : {}),
    });
    let answer = await this.send(method, url, authorized(), body);
    const challenge = answer.headers['www-authenticate'];
    if (answer.status === 401 && challenge?.toLowerCase().startsWith('bearer') === true) {
      this.token = await this.fetchToken(challenge);
      answer = await this.send(method, url, authorized(), body);
    }
    if (wanted.length > 0 && !wanted.includes(answer.status))
      throw new Error(
        `${method} ${url.pathname}: ${answer.status} ${answer.body.toString('utf8').slice(0, 500)}`,
      );
    return answer;
  }

  /** POST and PUT of a blob. */
  async pushBlob(repository: string, digest: string, bytes: Uint8Array): Promise<void> {
    const begun = await this.ask('POST', `/v2/${repository}/blobs/uploads/`, { wanted: [202] });
    const location = new URL(begun.headers.location ?? '', this.origin);
    location.searchParams.set('digest', digest);
    await this.ask('PUT', location.href, {
      body: bytes,
      headers: { 'content-type': 'application/octet-stream' },
      wanted: [201],
    });
  }

  /** PUT of a manifest under a tag or digest. */
  async pushManifest(
    repository: string,
    reference: string,
    bytes: Uint8Array,
    mediaType: string,
  ): Promise<void> {
    await this.ask('PUT', `/v2/${repository}/manifests/${reference}`, {
      body: bytes,
      headers: { 'content-type': mediaType },
      wanted: [201, 200],
    });
  }

  private authorization(): Record<string, string> {
    if (this.token !== undefined) return { authorization: `Bearer ${this.token}` };
    return this.basic();
  }

  private basic(): Record<string, string> {
    const { credentials } = this.options;
    if (credentials === undefined) return {};
    return {
      authorization: `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`,
    };
  }

  private async fetchToken(challenge: string): Promise<string> {
    const fields = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value ?? '']),
    );
    const url = new URL(fields.realm ?? '');
    if (fields.service !== undefined) url.searchParams.set('service', fields.service);
    if (fields.scope !== undefined) url.searchParams.set('scope', fields.scope);
    const answer = await this.send('GET', url, this.basic());
    if (answer.status !== 200)
      throw new Error(`no token: ${answer.status} ${answer.body.toString('utf8')}`);
    const { token, access_token } = JSON.parse(answer.body.toString('utf8')) as {
      token?: string;
      access_token?: string;
    };
    return token ?? access_token ?? '';
  }

  private send(
    method: string,
    url: URL,
    headers: Record<string, string>,
    body?: Uint8Array,
  ): Promise<Answer> {
    const { ca } = this.options;
    return new Promise((resolve, reject) => {
      const length: Record<string, string> =
        body === undefined ? {} : { 'content-length': String(body.length) };
      const options = {
        method,
        headers: { ...headers, ...length },
        ...(ca === undefined ? {} : { ca }),
      };
      const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(
        url,
        options,
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', reject);
          response.on('end', () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(parts),
            }),
          );
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }
}

interface Ask {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** statuses that are right; empty = any */
  readonly wanted?: readonly number[];
}
