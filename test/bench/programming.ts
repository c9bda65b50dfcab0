/**
 * Programming the kernel: the entries of 10,000 leases (30,000: neighbour, forwarding entry, route) by the netlink
 * driver, and the same by `ip -batch` and `bridge -batch`, in turn, each in a fresh network namespace.
 */
import { fakePeers } from './common/fleet.ts';
import { byDriver, byPrograms, entriesOf, type Programmed } from './common/programming.ts';
import { median, say, spread } from './common/statistics.ts';

const LEASES = 10_000;
const ROUNDS = 5;

const entries = entriesOf(fakePeers(LEASES));
const driver: Programmed[] = [];
const programs: Programmed[] = [];
const unspread: Programmed[] = [];
for (let round = 0; round < ROUNDS; round++) {
  driver.push(await byDriver(entries));
  programs.push(await byPrograms(entries, true));
}
unspread.push(await byPrograms(entries, false));

const rates = (measures: readonly Programmed[]): number[] =>
  measures.map(({ ms }) => (entries.length / ms) * 1000);
say('driver, entries a second', spread(rates(driver)));
say('ip and bridge -batch, entries a second', spread(rates(programs)));
say('the same with all routes in one scope', spread(rates(unspread)));
const ratio = median(rates(driver)) / median(rates(programs));
say('driver against ip and bridge', ratio.toFixed(2), 'over 1, aim 2');
const block = Math.max(...driver.map((measure) => measure.block ?? 0));
say('longest block of the event loop, ms', block.toFixed(1), 'under 20');
