import { shownInOneLine } from './untrusted.ts';

/** An answer, as far as it matters whether it is a web page. */
export interface PossiblePage {
  /** names in lower case */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

/** True for HTML, by the media type or by how the bytes begin. Never throws. */
export function isWebPage({ headers, body }: PossiblePage): boolean {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'text/html' || type === 'application/xhtml+xml') return true;
  const begin = Buffer.from(body.subarray(0, 512)).toString('utf8').trimStart(); // a mark, too
  return /^<(!doctype\s+html|html|head|body)\b/i.test(begin);
}

/**
 * What an answer is that is a web page: `a web page ("Sign in") and not an answer of Fulcio`. The
 * title is a stranger's text, cleaned and short.
 * @param who should have answered
 */
export function pageInWords({ body }: PossiblePage, who: string): string {
  const text = Buffer.from(body.subarray(0, 16_384)).toString('utf8');
  const title = shownInOneLine(/<title[^>]{0,200}>([^<]{1,400})/i.exec(text)?.[1] ?? '', 80);
  return `a web page${title === '' ? '' : ` ("${title}")`} and not an answer of ${who}`;
}

/** Who sends web pages in the place of an API, and what to look at. */
export const pageSender = 'A proxy, a gateway or a login page on the way is the likely sender.';
export const pageFix =
  'Open the address from this runner; check the host name, HTTPS_PROXY and NO_PROXY, and what a firewall or gateway does with it.';
