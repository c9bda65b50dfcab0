/** A host that goes for good tells the members so: its member comes up once more, without weftd, and leaves. */
import type { GossipConfig, UnderlayConfig } from '../config/config.ts';
import type { Clock } from '../state/clock.ts';
import type { MembershipParts } from './membership.ts';
import type { OpenMember } from './member.ts';
import { findPlace } from './place.ts';

export interface FarewellParts {
  readonly config: GossipConfig;
  readonly underlay: UnderlayConfig;
  readonly name: string;
  readonly snapshotFile: string;
  readonly find: MembershipParts['find'];
  readonly open: OpenMember;
  readonly clock: Clock;
}

/** To find somebody to tell, in ms. Nobody answers: nobody is told. */
const LIMIT = 5_000;

/** Whether somebody was told. Never rejects. */
export async function sayFarewell(parts: FarewellParts): Promise<boolean> {
  const { config, underlay, name, snapshotFile, find, open, clock } = parts;
  let cancel = (): void => {};
  try {
    const place = await findPlace(config, underlay, find);
    if ('problem' in place) return false;
    let met = (): void => {};
    const meeting = new Promise<boolean>((resolve) => {
      met = () => resolve(true);
      cancel = clock.after(LIMIT, () => resolve(false));
    });
    const member = open({
      name,
      place,
      join: config.join,
      tags: new Map(),
      snapshotFile,
      ...(config.keyFile === undefined ? {} : { keyFile: config.keyFile }),
      seeds: () => [],
      listening: () => {},
      recorded: () => {},
      heard: () => {},
      asked: () => Promise.resolve(undefined),
      changed: (change) => {
        if (change.type === 'present' && !change.member.mine && change.member.status === 'alive')
          met();
      },
      troubled: () => {},
      warn: () => {},
    });
    const hasCompany = await meeting;
    await member.close({ leave: hasCompany });
    return hasCompany;
  } catch {
    // Its keys make no sense, for example: whatever it is, the host goes.
    return false;
  } finally {
    cancel();
  }
}
