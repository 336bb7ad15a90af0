import { Failure } from '../../failure.ts';

/** The terminal that a person types at. */
export interface Keyboard {
  readonly isTTY?: boolean;
  setRawMode?(raw: boolean): unknown;
  setEncoding(encoding: 'utf8'): unknown;
  resume(): unknown;
  pause(): unknown;
  on(event: 'data', heard: (text: string) => void): unknown;
  off(event: 'data', heard: (text: string) => void): unknown;
}

interface Screen {
  write(text: string): unknown;
}

/**
 * Asks for a new password twice; nothing of it is shown.
 * @throws {Failure} `bad-password` where nobody can be asked, or two different ones were typed;
 * `cancelled` for Ctrl-C
 */
export async function askPassword(
  keyboard: Keyboard = process.stdin,
  screen: Screen = process.stderr,
): Promise<string> {
  if (keyboard.isTTY !== true || keyboard.setRawMode === undefined)
    throw new Failure(
      'bad-password',
      'There is no password for the private key, and no terminal to ask for one.',
      'Set the variable COSIGN_PASSWORD.',
    );
  const first = await typed('Password for the private key: ', keyboard, screen);
  const second = await typed('The same again: ', keyboard, screen);
  if (first === second) return first;
  throw new Failure('bad-password', 'The two passwords differ.', 'Run the command again.');
}

async function typed(question: string, keyboard: Keyboard, screen: Screen): Promise<string> {
  screen.write(question);
  keyboard.setRawMode?.(true);
  keyboard.setEncoding('utf8');
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  const heard = (part: string) => {
    for (const character of part) {
      if (character === '\r' || character === '\n' || character === '\u0004') resolve(text);
      else if (character === '\u0003') reject(interrupted());
      else if (character === '\u007f' || character === '\b') text = [...text].slice(0, -1).join('');
      else if (character >= ' ') text += character;
    }
  };
  keyboard.on('data', heard);
  keyboard.resume();
  try {
    return await promise;
  } finally {
    keyboard.off('data', heard);
    keyboard.setRawMode?.(false);
    keyboard.pause();
    screen.write('\n');
  }
}

function interrupted(): Failure {
  return new Failure('cancelled', 'No password was given.', 'Run the command again.');
}
