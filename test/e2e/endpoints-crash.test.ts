/** weftd killed after every step of an attach and a detach: a start leaves nothing half done. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { STEPS } from '../../agent/endpoint/parts.ts';
import { attach, list, newId, NOTHING, readyLab, SOON, traces, weft } from '../lab/endpoints.ts';
import { eventually } from '../lab/eventually.ts';
import type { Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { makeTarget, removeTarget } from '../lab/target.ts';

describe('whenever weftd ends', () => {
  let lab: Lab;
  beforeAll(async () => {
    const ready1 = await readyLab(1);
    lab = ready1.lab;
    await ready1.daemons[0]?.stop();
  });
  afterAll(() => lab?.close());

  test.each(STEPS)('after %s, the next start leaves nothing half done', async (step) => {
    const host = lab.host(1);
    const target = await makeTarget(host, step);
    const dying = await host.startWeftd([], { env: { WEFT_CRASH_AT: step } }).waitReady();
    const id = newId();
    const attached = await host.weft('attach', `netns:${target.netns}`, '--id', id);
    if (step.startsWith('detach')) {
      expect(attached).toMatchObject({ code: 0 });
      await host.weft('detach', id);
    }
    await dying.ended;
    const next = await host.startWeftd().waitReady();
    const isDone = step === 'attach-done';
    await eventually(
      async () => {
        expect((await list(host)).map(({ state }) => state)).toEqual(isDone ? ['attached'] : []);
        if (!isDone) expect(await traces(host)).toEqual(NOTHING);
        if (!isDone) expect(await target.ipJson('link show')).toHaveLength(1);
        return true;
      },
      { within: SOON, what: 'it is whole, or gone' },
    );
    if (!isDone) await attach(host, target, '--name', 'again');
    const { stdout } = await target.exec('ping', ['-c1', '-W2', await gatewayIn(target)]);
    expect(stdout).toContain(' 0% packet loss');
    await weft(host, 'detach', `netns:${target.netns}`);
    expect(await traces(host)).toEqual(NOTHING);
    await next.stop();
    await removeTarget(target);
  });
});

async function gatewayIn(target: Namespace): Promise<string> {
  const [route] = await target.ipJson<{ gateway: string }>('route show default');
  return route?.gateway ?? '';
}
