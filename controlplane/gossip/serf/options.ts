/** What a Serf member is made of. */
import type { Keyring, Tags } from '../codec/index.ts';
import type { Emit, Endpoint } from '../effects.ts';
import type { Random } from '../random.ts';
import type { Settings } from '../swim/index.ts';
import type { Timers } from '../timers.ts';
import type { Extension, SerfEvent } from './face.ts';
import type { SerfSettings } from './settings.ts';
import type { Remembered } from './snapshot.ts';

export interface SerfOptions {
  readonly name: string;
  /** Where others reach us; a v4 address in 4 bytes. */
  readonly advertise: Endpoint;
  readonly tags: Tags;
  readonly settings: Settings;
  /** SERF if not given. */
  readonly serf?: SerfSettings;
  /** Empty for none. */
  readonly label: Uint8Array;
  /** Empty: plain. */
  readonly keyring: Keyring;
  readonly random: Random;
  readonly timers: Timers;
  /** Ms since 1970; see SwimOptions. */
  readonly wallClock?: (() => number) | undefined;
  readonly emit: Emit;
  /** Called while a message is being read: it must not call back. */
  readonly notify: (event: SerfEvent) => void;
  readonly extension?: Extension;
  /** Where members may be, asked each time somebody is looked for. */
  readonly seeds?: () => readonly Endpoint[];
  readonly remembered?: Remembered;
}
