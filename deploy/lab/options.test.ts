import { expect, test } from 'vitest';
import { parseOptions, UsageError } from './options.ts';

test('defaults are three hosts over VXLAN that stay', () => {
  expect(parseOptions([])).toEqual({
    nodes: 3,
    vm: false,
    backend: 'vxlan',
    once: false,
    json: false,
  });
});

test('all options', () => {
  const args = ['--nodes', '5', '--vm', '--backend=host-gw', '--once', '--json'];
  expect(parseOptions(args)).toEqual({
    nodes: 5,
    vm: true,
    backend: 'host-gw',
    once: true,
    json: true,
  });
  expect(parseOptions(['-h'])).toBe('help');
});

test.each([
  [['--nodes', '1'], '--nodes takes 2 to 20, not 1'],
  [['--nodes', 'x'], '--nodes takes 2 to 20, not x'],
  [['--nodes', '2.5'], '--nodes takes 2 to 20, not 2.5'],
  [['--backend', 'udp'], '--backend takes vxlan or host-gw, not udp'],
  [['--json'], '--json needs --once'],
  [['--what'], "Unknown option '--what'"],
  [['stray'], "Unexpected argument 'stray'"],
  [['--once=yes'], "Option '--once' does not take an argument"],
])('%j is refused', (args, sentence) => {
  expect(() => parseOptions(args)).toThrow(UsageError);
  expect(() => parseOptions(args)).toThrow(sentence);
});
