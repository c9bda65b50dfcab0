/** What people read about the settings: `weftd --help` and docs/configuration.md, both from the table of options. */
import { DEFAULT_FILE } from './file.ts';
import { COMMANDS, GROUPS, type Group } from './option.ts';
import { OPTION_NAMES, environmentNames, optionNamed, type OptionName } from './options.ts';

/** For stdout. */
export function helpText(): string {
  const lines = ['Usage: weftd [COMMAND] [--FLAG VALUE]…', '', 'Commands (none runs the daemon):'];
  for (const [name, help] of Object.entries(COMMANDS)) lines.push(`  ${name.padEnd(10)}${help}`);
  for (const [group, title] of groups()) {
    lines.push('', `${title}:`);
    for (const name of namesIn(group)) lines.push(...helpLines(name));
  }
  lines.push(
    '',
    'Flags take one dash or two. A flag goes before the environment (WEFT_FLAG_NAME, then',
    `FLANNELD_FLAG_NAME), that before the file (${DEFAULT_FILE}), and that before the default.`,
  );
  return `${lines.join('\n')}\n`;
}

function groups(): [Group, string][] {
  return Object.entries(GROUPS) as [Group, string][];
}

function namesIn(group: Group): OptionName[] {
  return OPTION_NAMES.filter((name) => optionNamed(name).group === group);
}

/** Where the help begins; a flag that is longer has a line of its own. */
const HELP_COLUMN = 34;

function helpLines(name: OptionName): string[] {
  const { help, type, ignored } = optionNamed(name);
  const flag = `  --${name} ${type.placeholder}`.trimEnd();
  const shown = defaultText(name);
  const suffix = shown === '' || ignored === true ? '' : ` (default: ${shown})`;
  const lines = wrap(help + suffix, 100 - HELP_COLUMN);
  const indented = lines.map((line) => ' '.repeat(HELP_COLUMN) + line);
  const first = flag.length < HELP_COLUMN ? flag.padEnd(HELP_COLUMN) + lines[0] : undefined;
  return first === undefined ? [flag, ...indented] : [first, ...indented.slice(1)];
}

function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

function defaultText(name: OptionName): string {
  const option = optionNamed(name);
  if (option.defaultText !== undefined) return option.defaultText;
  if (option.default === undefined || option.flagOnly === true) return '';
  return option.type.format(option.default);
}

/** docs/configuration.md. */
export function configurationPage(): string {
  const sections = groups().map(([group, title]) => `## ${title}\n\n${table(namesIn(group))}\n`);
  return `${INTRODUCTION}\n${sections.join('\n')}`;
}

const INTRODUCTION = `# Settings of weftd

<!-- Made from agent/config/options.ts: change that, then run \`npx vitest run --project unit agent/config -u\`. -->

A setting is looked for in four places, and the first that has it counts:

1. the flag, with one dash or two: \`--iface eth1\`, \`-iface=eth1\`; a boolean is \`--ip-masq\` or \`--ip-masq=false\`;
2. the environment: \`WEFT_\` and the flag's name in capitals, dashes as underscores (\`WEFT_ETCD_ENDPOINTS\`); for
   those that flanneld has too, \`FLANNELD_ETCD_ENDPOINTS\` after that; an empty variable counts as none;
3. the file, in TOML, with the names of the flags;
4. the default.

\`weftd config\` prints every setting, its value, and which of these it came from. A wrong setting is one sentence
on stderr, and exit code 2.

\`\`\`toml
# ${DEFAULT_FILE}
etcd-endpoints = ["https://10.0.0.1:2379", "https://10.0.0.2:2379"]
etcd-cafile = "/etc/weft/ca.pem"
etcd-certfile = "/etc/weft/host.pem"
etcd-keyfile = "/etc/weft/host-key.pem"
iface = ["eth1"]
ip-masq = true
healthz-port = 9401
\`\`\`
`;

function table(names: readonly OptionName[]): string {
  const rows = names.map((name) => {
    const { help, type } = optionNamed(name);
    const shown = defaultText(name);
    return [code(`--${name} ${type.placeholder}`), code(shown), where(name), help];
  });
  return aligned([['Flag', 'Default', 'Also in', 'Meaning'], ...rows].map(escaped));
}

/** README.md with every setting between its two marks. */
export function withSettings(readme: string): string {
  const names = OPTION_NAMES.filter((name) => optionNamed(name).ignored !== true);
  const rows = names.map((name) => {
    const { help, type } = optionNamed(name);
    return [code(`--${name} ${type.placeholder}`), code(defaultText(name)), help];
  });
  const section = aligned([['Flag', 'Default', 'Meaning'], ...rows].map(escaped));
  return readme.replace(
    /(<!-- options -->\n).*(<!-- \/options -->)/s,
    (_, start: string, end: string) => `${start}\n${section}\n\n${end}`,
  );
}

/** A bar would end the table's cell. */
function escaped(cells: readonly string[]): string[] {
  return cells.map((cell) => cell.replaceAll('|', '\\|'));
}

function code(text: string): string {
  return text.trim() === '' ? '' : `\`${text.trim()}\``;
}

function where(name: OptionName): string {
  const { flagOnly, notInFile } = optionNamed(name);
  const inFile = flagOnly !== true && notInFile !== true;
  return [...environmentNames(name).map(code), ...(inFile ? ['file'] : [])].join(', ');
}

/** A Markdown table as the house's formatter writes it: columns padded. */
function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = rows;
  const rule = widths.map((width) => '-'.repeat(width));
  return [head, rule, ...body].map(line).join('\n');
}
