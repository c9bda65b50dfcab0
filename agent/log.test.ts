import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogConfig } from './config/config.ts';
import { createLogger, textLine } from './log.ts';

function logged(
  config: LogConfig,
  terminal: boolean,
  use: (log: ReturnType<typeof createLogger>) => void,
) {
  const lines: string[] = [];
  use(createLogger(config, { write: (line) => void lines.push(line) }, terminal));
  return lines;
}

test('JSON, a line each, with the level in words', () => {
  const lines = logged({ level: 'info', format: 'auto' }, false, (log) => {
    log.debug('hidden');
    log.info({ peer: 'a' }, 'joined');
  });
  expect(lines).toHaveLength(1);
  const { time, ...rest } = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  expect(rest).toEqual({ level: 'info', peer: 'a', msg: 'joined' });
  expect(time).toMatch(/^\d{4}-\d\d-\d\dT/);
});

test('text for a terminal, or when asked for', () => {
  const use = (log: ReturnType<typeof createLogger>) => {
    log.child({ room: 'subnet' }).warn({ subnet: '10.5.1.0/24', why: 'two words' }, 'taken');
  };
  const [asked = ''] = logged({ level: 'info', format: 'text' }, false, use);
  expect(asked).toMatch(
    /^\d\d:\d\d:\d\d\.\d{3} WARN {2}taken room=subnet subnet=10\.5\.1\.0\/24 why="two words"\n$/,
  );
  const [coloured = ''] = logged({ level: 'info', format: 'auto' }, true, use);
  expect(coloured).toContain('\u001b[33mWARN \u001b[39m taken');
  const [json = ''] = logged({ level: 'info', format: 'json' }, true, use);
  expect(json).toMatch(/^\{/);
});

test('an error is its message in text, and has its stack in JSON', () => {
  const use = (log: ReturnType<typeof createLogger>) => {
    log.error({ err: new Error('no route') }, 'failed');
  };
  expect(logged({ level: 'info', format: 'text' }, false, use)[0]).toMatch(
    /ERROR failed err="no route"\n$/,
  );
  expect(logged({ level: 'info', format: 'json' }, false, use)[0]).toContain('log.test.ts');
});

test('passwords are masked', () => {
  for (const format of ['json', 'text'] as const) {
    const lines = logged({ level: 'info', format }, false, (log) => {
      log.info({ password: 'hunter2' });
      log.info({ etcd: { password: 'hunter2' } });
      log.info({ config: { etcd: { password: 'hunter2' } } });
    });
    expect(lines).toHaveLength(3);
    expect(lines.join('')).not.toContain('hunter2');
    expect(lines.join('')).toContain('********');
  }
});

test('whatever is logged is one line that leaves the terminal alone', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii' }), fc.jsonValue(), (msg, field) => {
      const time = '2026-01-01T00:00:00.000Z';
      const line = textLine(JSON.stringify({ level: 'info', time, field, msg }), false);
      expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
      expect(line.endsWith('\n')).toBe(true);
    }),
  );
});
