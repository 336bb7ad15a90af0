/**
 * Reads a file command (GITHUB_OUTPUT, GITHUB_ENV, GITHUB_STATE) as GitHub's runner does:
 * `name=value` lines, and `name<<DELIMITER`, lines of the value, `DELIMITER`.
 * @throws Error for what the runner refuses: a line of neither form, an empty name or delimiter, a
 * delimiter that never comes.
 */
export function readFileCommands(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  while (lines.length > 0) {
    const line = lines.shift() ?? '';
    if (line === '') continue;
    const equals = line.indexOf('=');
    const heredoc = line.indexOf('<<');
    if (equals > 0 && (heredoc < 0 || equals < heredoc)) {
      found[line.slice(0, equals)] = line.slice(equals + 1);
    } else if (heredoc > 0 && (equals < 0 || heredoc < equals) && line.length > heredoc + 2) {
      found[line.slice(0, heredoc)] = readHeredoc(lines, line.slice(heredoc + 2));
    } else {
      throw new Error(
        `the runner cannot read this line of a file command: ${JSON.stringify(line.slice(0, 200))}`,
      );
    }
  }
  return found;
}

function readHeredoc(lines: string[], delimiter: string): string {
  const end = lines.indexOf(delimiter);
  if (end < 0) throw new Error(`the delimiter ${JSON.stringify(delimiter)} never comes`);
  return lines
    .splice(0, end + 1)
    .slice(0, -1)
    .join('\n');
}

/** A workflow command as it was printed: `::name key=value,key=value::data`, unescaped. */
export interface WorkflowCommand {
  readonly command: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly data: string;
}

/** What the runner understood of a step's output. */
export interface StepLog {
  /** every command, in the order it came */
  readonly commands: readonly WorkflowCommand[];
  /**
   * the log as a person sees it: masked from the moment a mask is known, commands turned into their
   * words
   */
  readonly shown: string;
  /** the same lines before masking, without those that ask for a mask: where no secret may be */
  readonly said: string;
  readonly masks: readonly string[];
}

const known = [
  'error',
  'warning',
  'notice',
  'debug',
  'group',
  'endgroup',
  'add-mask',
  'stop-commands',
  'echo',
  'set-output',
  'save-state',
  'set-env',
  'add-path',
];

/**
 * Reads a step's output as the runner does, line by line. Masks hide single lines only, and only
 * what comes after them (runners older than 2.299 split no multi-line masks; newer do, and encoded
 * forms too: what is hidden here is hidden everywhere).
 */
export function readStepLog(output: string, debug: boolean): StepLog {
  const commands: WorkflowCommand[] = [];
  const masks: string[] = [];
  const shown: string[] = [];
  const said: string[] = [];
  let stopped: string | undefined;
  const mask = (line: string) =>
    [...masks]
      .sort((a, b) => b.length - a.length)
      .reduce((text, secret) => text.replaceAll(secret, '***'), line);
  for (const line of output.split(/\r?\n/)) {
    const command = parseCommand(line, stopped);
    if (command?.command === 'add-mask') {
      commands.push(command);
      if (command.data.trim() !== '') masks.push(command.data);
      continue;
    }
    said.push(line);
    if (command === undefined) {
      shown.push(mask(line));
      continue;
    }
    commands.push(command);
    if (command.command === 'stop-commands') stopped = command.data;
    else if (command.command === stopped) stopped = undefined;
    const words = wordsOf(command, debug);
    if (words !== undefined) shown.push(mask(words));
  }
  return { commands, masks, shown: shown.join('\n'), said: said.join('\n') };
}

function parseCommand(line: string, stopped: string | undefined): WorkflowCommand | undefined {
  const [, command, list, data] =
    /^\s*::([^\s:]+)(?:\s+([^:]*(?::(?!:)[^:]*)*))?::(.*)$/s.exec(line) ?? [];
  if (command === undefined || data === undefined) return undefined;
  if (stopped === undefined ? !known.includes(command.toLowerCase()) : command !== stopped)
    return undefined;
  const pairs = (list ?? '').split(',').filter((pair) => pair.includes('='));
  const properties = Object.fromEntries(
    pairs.map((pair) => [
      pair.slice(0, pair.indexOf('=')).trim(),
      unescapeText(pair.slice(pair.indexOf('=') + 1), true),
    ]),
  );
  return {
    command: stopped === undefined ? command.toLowerCase() : command,
    properties,
    data: unescapeText(data, false),
  };
}

function unescapeText(text: string, property: boolean): string {
  const escapes: Record<string, string> = {
    '%0D': '\r',
    '%0A': '\n',
    '%25': '%',
    ...(property ? { '%3A': ':', '%2C': ',' } : {}),
  };
  return text.replace(/%(?:0D|0A|25|3A|2C)/g, (sign) => escapes[sign] ?? sign);
}

function wordsOf({ command, data }: WorkflowCommand, debug: boolean): string | undefined {
  switch (command) {
    case 'error':
    case 'warning':
    case 'notice':
      return `${command[0]?.toUpperCase()}${command.slice(1)}: ${data}`;
    case 'debug':
      return debug ? `##[debug]${data}` : undefined;
    case 'group':
      return `▼ ${data}`;
    default:
      return undefined;
  }
}
