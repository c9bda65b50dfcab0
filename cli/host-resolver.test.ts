import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BACKUP,
  DROP_IN,
  planDisable,
  planEnable,
  RESOLV_CONF,
  type Found,
  type HostPlan,
} from './host-resolver.ts';

const WEFT = { domain: 'weft', address: '127.0.0.57', port: 53 };
const PLAIN: Found = { resolvConf: { text: 'nameserver 192.0.2.1\n' }, dropIn: {} };
const STUB: Found = { resolvConf: { text: 'nameserver 127.0.0.53\noptions edns0\n' }, dropIn: {} };

/** What is found after the plan; backups stand apart. */
function after({ resolvConf, dropIn }: Found, plan: HostPlan): Found {
  const files = new Map([
    [RESOLV_CONF, resolvConf.text],
    [DROP_IN, dropIn.text],
  ]);
  if (plan.way === 'refused') throw new Error(plan.why);
  for (const { path, text } of plan.changes) files.set(path, text);
  const [conf, drop] = [files.get(RESOLV_CONF), files.get(DROP_IN)];
  const { text: _before, ...rest } = resolvConf;
  return {
    resolvConf: conf === undefined ? rest : { ...rest, text: conf },
    dropIn: drop === undefined ? {} : { text: drop },
  };
}

function changesOf(plan: HostPlan): number {
  return plan.way === 'refused' ? -1 : plan.changes.length;
}

const line = fc.oneof(
  fc.constantFrom('nameserver 192.0.2.1', 'search example.com', '# mine', '', '# weft end'),
  fc.string({ maxLength: 12 }).filter((text) => !text.includes('\n')),
);
const text = fc.option(
  fc.array(line, { minLength: 1, maxLength: 8 }).map((lines) => lines.join('\n')),
  { nil: undefined },
);
const place = fc.record({
  domain: fc.constantFrom('weft', 'cluster.example'),
  address: fc.constantFrom('127.0.0.57', '10.5.1.1', 'fd00::1'),
  port: fc.constant(53),
});

test('whatever stood there, it is as before when it is undone, and done twice is done once', () => {
  fc.assert(
    fc.property(text, place, place, fc.boolean(), (conf, first, second, isLink) => {
      const link = isLink ? '/run/systemd/resolve/stub-resolv.conf' : undefined;
      const found: Found = {
        resolvConf: {
          ...(conf === undefined || conf === '' ? {} : { text: conf }),
          ...(link === undefined ? {} : { link }),
        },
        dropIn: {},
      };
      const enabled = after(found, planEnable(found, first));
      expect(changesOf(planEnable(enabled, first))).toBe(0);
      const moved = after(enabled, planEnable(enabled, second));
      expect(changesOf(planEnable(moved, second))).toBe(0);
      expect(after(moved, planDisable(moved))).toEqual(found);
      expect(changesOf(planDisable(found))).toBe(0);
    }),
  );
});

test('lines that somebody adds stay, wherever they stand', () => {
  fc.assert(
    fc.property(text, fc.nat(), fc.boolean(), (conf = 'nameserver 192.0.2.1\n', at, isUndone) => {
      const found: Found = { resolvConf: { text: conf }, dropIn: {} };
      const enabled = after(found, planEnable(found, WEFT));
      const lines = (enabled.resolvConf.text ?? '').split('\n');
      lines.splice(at % (lines.length + 1), 0, 'nameserver 203.0.113.1');
      const edited: Found = { resolvConf: { text: lines.join('\n') }, dropIn: enabled.dropIn };
      const plan = isUndone ? planDisable(edited) : planEnable(edited, WEFT);
      const left = (after(edited, plan).resolvConf.text ?? '').split('\n');
      expect(left).toContain('nameserver 203.0.113.1');
      for (const one of conf.split('\n')) expect(left).toContain(one);
    }),
  );
});

test('resolv.conf: weft is asked first, and what was there is kept beside', () => {
  const plan = planEnable(PLAIN, WEFT);
  expect(plan).toMatchObject({
    way: 'resolv.conf',
    changes: [{ path: RESOLV_CONF, backup: BACKUP }],
  });
  expect(plan).not.toHaveProperty('command');
  const enabled = after(PLAIN, plan);
  expect(enabled.resolvConf.text).toMatch(
    /^# weft begin.*\nnameserver 127\.0\.0\.57\n# weft end\nnameserver 192\.0\.2\.1\n$/,
  );
  // A backup of what has a block of ours would hide what was before.
  const again = planEnable(enabled, { ...WEFT, address: '10.5.1.1' });
  const [change] = again.way === 'refused' ? [] : again.changes;
  expect(change?.text).toContain('nameserver 10.5.1.1');
  expect(change).not.toHaveProperty('backup');
});

test('systemd-resolved: a drop-in for the domain alone, and a restart', () => {
  const plan = planEnable(STUB, { domain: 'my.example', address: 'fd00::1', port: 5353 });
  expect(plan).toMatchObject({
    way: 'resolved',
    changes: [{ path: DROP_IN }],
    command: ['systemctl', 'restart', 'systemd-resolved'],
  });
  expect(after(STUB, plan).dropIn.text).toMatch(
    /^#.*\n\[Resolve\]\nDNS=\[fd00::1\]:5353\nDomains=~my\.example\n$/,
  );
  expect(after(STUB, plan).resolvConf).toEqual(STUB.resolvConf);
});

test.each<[string, Found, typeof WEFT, RegExp]>([
  [
    'a link that another program keeps',
    { resolvConf: { text: '', link: '/run/NetworkManager/resolv.conf' }, dropIn: {} },
    WEFT,
    /is a link to \/run\/NetworkManager/,
  ],
  ['a port in resolv.conf', PLAIN, { ...WEFT, port: 5353 }, /no place for a port/],
  [
    "somebody else's drop-in",
    { ...STUB, dropIn: { text: '[Resolve]\nDNS=192.0.2.1\n' } },
    WEFT,
    /somebody else's/,
  ],
])('%s is refused', (_what, found, weft, why) => {
  const plan = planEnable(found, weft);
  expect(plan.way === 'refused' && plan.why).toMatch(why);
});

test("undoing leaves somebody else's drop-in and what a link leads to", () => {
  const foreign: Found = { ...STUB, dropIn: { text: '[Resolve]\nDNS=192.0.2.1\n' } };
  expect(changesOf(planDisable(foreign))).toBe(0);
  const enabled = after(PLAIN, planEnable(PLAIN, WEFT));
  const linked = { ...enabled, resolvConf: { ...enabled.resolvConf, link: '/run/resolv.conf' } };
  expect(changesOf(planDisable(linked))).toBe(0);
});
