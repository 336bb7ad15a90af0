import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface View {
  /** CSS pixels */
  readonly width: number;
  readonly scheme: 'light' | 'dark';
  /** pixels of the picture for one of CSS */
  readonly scale: number;
}

export interface Browser {
  /** The whole page as a PNG. @throws Error where the page is wider than the view */
  picture(html: string, view: View): Promise<Buffer>;
  close(): Promise<void>;
}

/**
 * Starts Chromium (CHROMIUM, else `chromium`) without a window, and speaks to it by the DevTools
 * protocol: its own flags for pictures know neither narrow views nor dark ones.
 */
export async function openBrowser(): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'pictures-'));
  const child = spawn(
    process.env.CHROMIUM ?? 'chromium',
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--no-first-run',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const ended = new Promise<void>((done) => void child.once('exit', () => done()));
  const address = await new Promise<string>((found, failed) => {
    let said = '';
    child.once('error', failed);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      const [, url] = /listening on (ws:\S+)/.exec(said) ?? [];
      if (url !== undefined) found(url);
    });
  });
  const send = await connect(address);
  const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
  const page: Send = (method, parameters) => send(method, parameters, String(sessionId));
  return {
    picture: (html, view) => take(page, html, view),
    close: async () => {
      child.kill();
      await ended;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

type Answer = Readonly<Record<string, unknown>>;
type Send = (method: string, parameters?: object, sessionId?: string) => Promise<Answer>;

async function take(page: Send, html: string, view: View): Promise<Buffer> {
  const { width, scheme, scale } = view;
  const size = (height: number) =>
    page('Emulation.setDeviceMetricsOverride', {
      width,
      height,
      deviceScaleFactor: scale,
      mobile: false,
    });
  await size(100);
  await page('Emulation.setScrollbarsHidden', { hidden: true });
  const features = [{ name: 'prefers-color-scheme', value: scheme }];
  await page('Emulation.setEmulatedMedia', { features });
  const { frameTree } = (await page('Page.getFrameTree')) as { frameTree: { frame: Answer } };
  await page('Page.setDocumentContent', { frameId: frameTree.frame.id, html });
  const expression =
    'document.fonts.ready.then(() => [document.documentElement.scrollWidth, Math.ceil(document.querySelector("article").getBoundingClientRect().height)])';
  const { result } = (await page('Runtime.evaluate', {
    expression,
    awaitPromise: true,
    returnByValue: true,
  })) as { result: { value: [number, number] } };
  const [needed, height] = result.value;
  if (needed > width) throw new Error(`the page needs ${needed} pixels, and has ${width}`);
  await size(height);
  const { data } = await page('Page.captureScreenshot', { format: 'png' });
  return Buffer.from(String(data), 'base64');
}

async function connect(address: string): Promise<Send> {
  const socket = new WebSocket(address);
  await new Promise((opened, failed) => {
    socket.addEventListener('open', opened, { once: true });
    socket.addEventListener('error', failed, { once: true });
  });
  let last = 0;
  const waiting = new Map<number, (answer: Answer) => void>();
  socket.addEventListener('message', ({ data }) => {
    const answer = JSON.parse(String(data));
    waiting.get(answer.id)?.(answer);
    waiting.delete(answer.id);
  });
  return async (method, parameters = {}, sessionId) => {
    const id = ++last;
    const answered = new Promise<Answer>((done) => void waiting.set(id, done));
    socket.send(JSON.stringify({ id, method, params: parameters, sessionId }));
    const { result, error } = await answered;
    if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result as Answer;
  };
}
