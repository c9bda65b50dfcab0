/** A network namespace and the programs in it. */
import { outputOf, run, runSync, type Finished, type RunOptions } from './command.ts';
import { Child, type ChildOptions } from './child.ts';
import type { Address } from '../../agent/ip/address.ts';
import type { PerFamily } from '../../agent/state/facts.ts';

export class Namespace {
  /** Unique in the lab: `h1`, `h1-web`. */
  readonly name: string;
  /** Under /run/netns. */
  readonly netns: string;
  readonly addresses: PerFamily<Address>;
  readonly #children = new Set<Child>();

  constructor(lab: string, name: string, addresses: PerFamily<Address>) {
    this.name = name;
    this.netns = `${lab}-${name}`;
    this.addresses = addresses;
  }

  /** Its v4 address, else its v6 one. Throws if it has none. */
  get address(): Address {
    const address = this.addresses[4] ?? this.addresses[6];
    if (address === undefined) throw new Error(`${this.name} has no address`);
    return address;
  }

  /** Runs the program to its end; never rejects because of how it ended. */
  exec(command: string, args: readonly string[] = [], options?: RunOptions): Promise<Finished> {
    return run('nsenter', this.#inside(command, args), options);
  }

  /** Standard output of the program; rejects when it fails. */
  output(command: string, args: readonly string[] = [], options?: RunOptions): Promise<string> {
    return outputOf('nsenter', this.#inside(command, args), options);
  }

  /** Runs beside us, and is ended with the lab at the latest. */
  spawn(command: string, args: readonly string[] = [], options?: ChildOptions): Child {
    const child = new Child('nsenter', this.#inside(command, args), options);
    this.#children.add(child);
    void child.ended.then(() => this.#children.delete(child));
    return child;
  }

  /** `ip ARGS`, split at blanks. */
  ip(args: string): Promise<string> {
    return outputOf('ip', ['-n', this.netns, ...args.split(' ')]);
  }

  /** What `ip -j -d ARGS` prints, parsed; its shape is iproute2's. */
  async ipJson<T = Record<string, unknown>>(args: string): Promise<T[]> {
    const text = await this.ip(`-j -d ${args}`);
    return text.trim() === '' ? [] : (JSON.parse(text) as T[]);
  }

  /** Blocks this thread for the few ms it takes. */
  setSysctls(values: Readonly<Record<string, number>>): void {
    const settings = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    runSync('nsenter', this.#inside('sysctl', ['-qw', ...settings]));
  }

  /**
   * Duplicate address detection keeps a v6 address, the link's own included, unusable for a second or two; nobody
   * else is on our links. To be said before the link is up.
   */
  skipDad(link: string): void {
    this.setSysctls({ [`net.ipv6.conf.${link}.accept_dad`]: 0 });
  }

  /** Ends all programs that `spawn` started. */
  async stopChildren(): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.stop()));
  }

  #inside(command: string, args: readonly string[]): string[] {
    return [`--net=/run/netns/${this.netns}`, command, ...args];
  }
}
