import type { KeyObject } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Http } from '../http/http.ts';
import type { ImageSigner } from '../signature/signer.ts';

/**
 * What a key in a service needs of the machine. All of it is passed in: this folder reads neither
 * environment nor disk by itself.
 */
export interface KeyTools {
  readonly http: Http;
  readonly clock: Pick<Clock, 'now'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** the home folder, where login tools leave their files */
  readonly home: string;
  /** at most `maxBytes` bytes of a file; throws as node:fs does where there is none */
  readonly readFile: (path: string, maxBytes: number) => Promise<Uint8Array>;
  /**
   * Runs a program that the runner has, and shows nothing of it. Throws when there is no such
   * program.
   */
  readonly run: (
    command: string,
    args: readonly string[],
    options?: RunProgram,
  ) => Promise<RanProgram>;
  /** hides a secret in the log from now on */
  readonly mask: (secret: string) => void;
  /**
   * waits, within the budget of the step; throws Failure `timeout` at once when that would be over
   */
  readonly sleep: (milliseconds: number) => Promise<void>;
}

export interface RunProgram {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array;
}

export interface RanProgram {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/**
 * A place where keys are kept. Loaded when a reference with its scheme is used, and never
 * otherwise.
 */
export interface KeyProvider {
  /**
   * Looks the key up, once, and answers a signer for as many signatures as the run needs.
   * @param input name of the input that named the key, for messages
   * @throws {Failure} `bad-key` for a reference of another form, `kms-credentials`, `kms-denied`,
   * `kms-key`, `unsupported-key`, `kms-error`
   */
  loadSigner(reference: string, tools: KeyTools, input: string): Promise<ImageSigner>;
  /**
   * The public keys that signatures may have been made with, the newest first: after a rotation
   * there are several. Throws as `loadSigner`.
   */
  loadPublicKeys(reference: string, tools: KeyTools, input: string): Promise<readonly KeyObject[]>;
}
