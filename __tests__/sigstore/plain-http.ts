import { Failure } from '../../src/failure.ts';
import type { Http, HttpRequest } from '../../src/http/http.ts';

/**
 * The least Http that keeps its promises on loopback: one try, bounded, no redirects. What is asked
 * is kept in `asked`.
 */
export function plainHttp(asked: HttpRequest[] = []): Http {
  return async (request) => {
    asked.push(request);
    let response: Response;
    try {
      response = await fetch(request.url, {
        method: request.method,
        headers: { ...request.headers },
        redirect: 'manual',
        ...(request.body === undefined ? {} : { body: Buffer.from(request.body) }),
      });
    } catch (caught) {
      throw new Failure('network', `${request.url.host} does not answer.`, 'Start it.', {
        cause: caught,
      });
    }
    const body = Buffer.from(await response.arrayBuffer());
    if (body.length > request.maxBytes)
      throw new Failure(
        'too-large',
        `${request.url.host} sent more than ${request.maxBytes} bytes.`,
        '-',
      );
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body,
      url: request.url,
    };
  };
}
