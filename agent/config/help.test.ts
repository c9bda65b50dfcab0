import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseCommandLine } from './command-line.ts';
import { effectiveText } from './effective.ts';
import { configurationPage, helpText, withSettings } from './help.ts';
import { OPTION_NAMES } from './options.ts';

test('the help names every flag, within 100 columns', () => {
  const text = helpText();
  for (const name of OPTION_NAMES) expect(text).toContain(`\n  --${name}`);
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
});

test('the page for users says what the table says', async () => {
  await expect(configurationPage()).toMatchFileSnapshot('../../docs/configuration.md');
});

test('the README lists every setting', async () => {
  const path = '../../README.md';
  const readme = readFileSync(new URL(path, import.meta.url), 'utf8');
  expect(readme).toContain('<!-- options -->\n');
  await expect(withSettings(readme)).toMatchFileSnapshot(path);
});

test('the effective settings mask the secret, in text and in JSON', () => {
  const argv = ['config', '--etcd-username=me', '--etcd-password=hunter2'];
  const line = parseCommandLine(argv, { WEFT_IFACE: 'eth1' }, () => '');
  if (line.kind !== 'command') throw new Error('refused');
  const text = effectiveText(line.provenance, false);
  expect(text).toMatch(/^etcd-password +\*{8} +flag$/m);
  expect(text).toMatch(/^iface +eth1 +environment WEFT_IFACE$/m);
  const rows = JSON.parse(effectiveText(line.provenance, true)) as unknown[];
  expect(rows).toContainEqual({ name: 'etcd-password', value: '********', source: 'flag' });
  expect(rows).toContainEqual({ name: 'public-ip', value: null, source: 'default' });
  expect(text + JSON.stringify(rows)).not.toContain('hunter2');
});
