/** A network namespace and the programs in it. */
import { outputIn, type Finished, type RunOptions } from './command.ts';
import type { Child, ChildOptions } from './child.ts';
import type { Address } from '../../agent/ip/address.ts';
import type { PerFamily } from '../../agent/state/facts.ts';
import { HERE, type Ground } from './ground.ts';

export class Namespace {
  /** Unique in the lab: `h1`, `h1-web`. */
  readonly name: string;
  /** This machine, or the one of the lab that it is in. */
  readonly ground: Ground;
  readonly addresses: PerFamily<Address>;
  readonly #netns: string | undefined;
  readonly #children = new Set<Child>();

  /** `first`: the namespace that a machine of the lab has from the start, and that has no name. */
  constructor(
    lab: string,
    name: string,
    addresses: PerFamily<Address>,
    { ground = HERE, first = false }: { readonly ground?: Ground; readonly first?: boolean } = {},
  ) {
    this.name = name;
    this.#netns = first ? undefined : `${lab}-${name}`;
    this.addresses = addresses;
    this.ground = ground;
  }

  /** Under /run/netns of its ground. Throws for a machine. */
  get netns(): string {
    if (this.#netns === undefined) throw new Error(`${this.name} is a machine: no namespace here`);
    return this.#netns;
  }

  /** Its v4 address, else its v6 one. Throws if it has none. */
  get address(): Address {
    const address = this.addresses[4] ?? this.addresses[6];
    if (address === undefined) throw new Error(`${this.name} has no address`);
    return address;
  }

  /** Runs the program to its end; never rejects because of how it ended. */
  exec(command: string, args: readonly string[] = [], options?: RunOptions): Promise<Finished> {
    return this.ground.run(...this.inside(command, args), options);
  }

  /** Standard output of the program; rejects when it fails. */
  async output(
    command: string,
    args: readonly string[] = [],
    options?: RunOptions,
  ): Promise<string> {
    return outputIn(command, args, await this.exec(command, args, options));
  }

  /** Runs beside us, and is ended with the lab at the latest. */
  spawn(command: string, args: readonly string[] = [], options?: ChildOptions): Child {
    const child = this.ground.start(...this.inside(command, args), options);
    this.#children.add(child);
    void child.ended.then(() => this.#children.delete(child));
    return child;
  }

  /** `ip ARGS`, split at blanks. */
  ip(args: string): Promise<string> {
    return this.output('ip', args.split(' '));
  }

  /** What `ip -j -d ARGS` prints, parsed; its shape is iproute2's. */
  async ipJson<T = Record<string, unknown>>(args: string): Promise<T[]> {
    const text = await this.ip(`-j -d ${args}`);
    return text.trim() === '' ? [] : (JSON.parse(text) as T[]);
  }

  /** Several commands of `ip` in one process, as Ground.apply does it. */
  ipBatch(lines: readonly string[]): Promise<void> {
    const text = `${lines.join('\n')}\n`;
    return this.ground.apply(...this.inside('ip', ['-batch', '-']), text);
  }

  /** As Ground.apply does it. */
  setSysctls(values: Readonly<Record<string, number>>): Promise<void> {
    const settings = Object.entries(values).map(([name, value]) => `${name}=${value}`);
    return this.ground.apply(...this.inside('sysctl', ['-qw', ...settings]));
  }

  /**
   * Duplicate address detection keeps a v6 address, the link's own included, unusable for a second or two; nobody
   * else is on our links. To be said before the link is up.
   */
  skipDad(link: string): Promise<void> {
    return this.setSysctls({ [`net.ipv6.conf.${link}.accept_dad`]: 0 });
  }

  /** Those that `spawn` started and that run. */
  get children(): readonly Child[] {
    return [...this.#children];
  }

  /** Ends all programs that `spawn` started. */
  async stopChildren(): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.stop()));
  }

  /** Program and arguments that run the program in it, for its ground. */
  inside(command: string, args: readonly string[]): [string, string[]] {
    if (this.#netns === undefined) return [command, [...args]];
    return ['nsenter', [`--net=/run/netns/${this.#netns}`, command, ...args]];
  }
}
