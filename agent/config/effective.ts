/** What `weftd config` prints: every setting, its value, and where that came from; secrets masked. */
import { optionNamed, type OptionName } from './options.ts';
import type { Setting, Source } from './settings.ts';

const MASK = '********';

/** For stdout: aligned lines, or JSON `[{ name, value, source }]` with null for what is not set. */
export function effectiveText(provenance: readonly Setting[], json: boolean): string {
  const settings = provenance.filter(({ name }) => isShown(name));
  if (json) {
    const rows = settings.map((setting) => ({
      name: setting.name,
      value: jsonValue(setting),
      source: sourceText(setting.source),
    }));
    return `${JSON.stringify(rows, null, 2)}\n`;
  }
  const rows = settings.map((setting) => [
    setting.name,
    valueText(setting),
    sourceText(setting.source),
  ]);
  const width = (column: number) => Math.max(...rows.map((row) => (row[column] ?? '').length));
  const [names, values] = [width(0), width(1)];
  return rows
    .map(
      ([name = '', value = '', source = '']) =>
        `${name.padEnd(names)}  ${value.padEnd(values)}  ${source}\n`,
    )
    .join('');
}

function isShown(name: OptionName): boolean {
  const { ignored, flagOnly } = optionNamed(name);
  return ignored !== true && flagOnly !== true && name !== 'kube-subnet-mgr';
}

function jsonValue({ name, value }: Setting): unknown {
  return value !== undefined && optionNamed(name).secret === true ? MASK : (value ?? null);
}

function valueText({ name, value }: Setting): string {
  const { secret, type } = optionNamed(name);
  if (value === undefined) return '-';
  return secret === true ? MASK : type.format(value) || '-';
}

function sourceText(source: Source): string {
  switch (source.kind) {
    case 'environment':
      return `environment ${source.variable}`;
    case 'file':
      return `file ${source.path}`;
    case 'flag':
    case 'default':
      return source.kind;
  }
}
