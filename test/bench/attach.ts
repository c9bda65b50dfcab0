/**
 * Attaching and detaching a namespace: what weftd does, from the call to its answer (address, pair, addresses and routes
 * inside, names, files on disk), and the command `weft`; against a script of `ip` that does the same steps in the kernel,
 * and writes the same resolv.conf, in turn, so that all see the same load. Then how long until ten hosts know, and until their DNS answers.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectControl, type ControlClient } from '../../controlplane/api/client.ts';
import { readyLab, request, Watch } from '../lab/endpoints.ts';
import type { Namespace } from '../lab/namespace.ts';
import { makeTarget } from '../lab/target.ts';
import { median, quantile, say } from './common/statistics.ts';

const ROUNDS = 100;
/** Between two questions for a name that is to come or go, in ms. */
const POLL = 10;
const WANTED: Readonly<Record<string, string>> = {
  'attach, weftd': 'under 30',
  'detach, weftd': 'under 30',
  'attached, known on ten hosts': 'median under 300, worst under 1000',
  'detached, known on ten hosts': 'median under 300, worst under 1000',
  'attached, answered by DNS on ten hosts': 'median under 300, worst under 1000',
  'detached, answered no more on ten hosts': 'median under 300, worst under 1000',
};

const { lab } = await readyLab(1);
await using _end = { [Symbol.asyncDispose]: () => lab.close() };
const host = lab.host(1);
const client = await connectControl(host.socket);
const target = await makeTarget(host, 'target');
// One that stays, as the bridge goes with the last.
await client.endpoint.attach(request(await makeTarget(host, 'other'), 'other'));
const scripted = await makeTarget(host, 'scripted');
await host.ipBatch([
  'link add scripted0 type bridge',
  'link set scripted0 mtu 1450 up',
  'address add 10.77.0.1/24 dev scripted0',
]);

const times: Record<string, number[]> = {};

async function timed(name: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  await work();
  (times[name] ??= []).push(performance.now() - start);
}

async function script(place: Namespace): Promise<void> {
  const { netns } = place;
  await host.ip(
    `link add s0 mtu 1450 type veth peer name eth0 mtu 1450 address 02:42:0a:4d:00:02 netns ${netns}`,
  );
  await host.ip('link set s0 alias scripted master scripted0 up');
  await host.ground.apply('ip', ['-n', netns, 'link', 'set', 'lo', 'up']);
  await host.ground.apply('ip', ['-n', netns, 'address', 'add', '10.77.0.2/24', 'dev', 'eth0']);
  await host.ground.apply('ip', ['-n', netns, 'link', 'set', 'eth0', 'up']);
  await host.ground.apply('ip', ['-n', netns, 'route', 'add', '10.5.0.0/16', 'via', '10.77.0.1']);
  await host.ground.apply('ip', ['-n', netns, 'route', 'add', 'default', 'via', '10.77.0.1']);
}

/** As weftd writes it, for `ip netns exec`. */
async function resolver({ netns }: Namespace): Promise<void> {
  const text = 'nameserver 10.77.0.1\\nsearch default.weft\\n';
  const words = `mkdir -p /etc/netns/${netns} && printf '${text}' > /etc/netns/${netns}/resolv.conf`;
  await host.ground.apply('sh', ['-c', words]);
}

for (let round = 0; round < ROUNDS; round++) {
  const id = randomBytes(8).toString('hex');
  const asked = {
    id,
    target: `netns:${target.netns}`,
    network: '',
    names: ['bench'],
    addresses: [],
  };
  const rest = {
    gateway: '',
    link: '',
    mac: '',
    resolver: false,
    dnsInside: false,
    ports: [],
    links: [],
  };
  await timed('attach, weftd', async () => await client.endpoint.attach({ ...asked, ...rest }));
  await timed('detach, weftd', async () => await client.endpoint.detach(id));
  await timed('attach, script of ip', async () => {
    await script(scripted);
    await resolver(scripted);
  });
  await timed('detach, script of ip', async () => {
    await host.ip('link del s0');
    await host.ground.apply('rm', ['-r', `/etc/netns/${scripted.netns}`]);
  });
  await timed('attach, weft', async () => await host.weft('attach', asked.target));
  await timed('detach, weft', async () => await host.weft('detach', asked.target));
}
client.close();
await lab.close();
await names();

for (const [name, taken] of Object.entries(times)) {
  const figure = `${median(taken).toFixed(1)} ms median, ${quantile(taken, 0.95).toFixed(1)} of 95 in 100`;
  say(name, `${figure}, ${Math.max(...taken).toFixed(1)} worst`, WANTED[name]);
}
for (const what of ['attach', 'detach']) {
  const ratio =
    median(times[`${what}, weftd`] ?? []) / median(times[`${what}, script of ip`] ?? []);
  say(`${what}, weftd against the script`, ratio.toFixed(2), 'under 1');
}

/** From the answer of an attach or a detach until all of ten hosts know. */
async function names(): Promise<void> {
  const { lab: ten } = await readyLab(10);
  await using _ends = { [Symbol.asyncDispose]: () => ten.close() };
  const clients = await Promise.all(ten.hosts.map(({ socket }) => connectControl(socket)));
  const watches = clients.map((each) => new Watch(each));
  await Promise.all(watches.map((watch) => watch.complete));
  for (let round = 0; round < ROUNDS; round++) {
    const at = round % ten.hosts.length;
    const [place, asker] = [ten.hosts[at], clients[at]];
    if (place === undefined || asker === undefined) continue;
    const made = await makeTarget(place, `t${round}`);
    const { id } = await asker.endpoint.attach(request(made, `t${round}`));
    const key = `${place.name}/${id}`;
    await timed('attached, known on ten hosts', () =>
      Promise.all(watches.map((watch) => watch.present(key))),
    );
    await asker.endpoint.detach(id);
    await timed('detached, known on ten hosts', () =>
      Promise.all(watches.map((watch) => watch.absent(key))),
    );
  }
  for (let round = 0; round < ROUNDS; round++) {
    const at = round % ten.hosts.length;
    const [place, asker] = [ten.hosts[at], clients[at]];
    if (place === undefined || asker === undefined) continue;
    const name = `d${round}`;
    const { id } = await asker.endpoint.attach(request(await makeTarget(place, name), name));
    const all = async (status: string): Promise<unknown> =>
      await Promise.all(clients.map((client) => untilAnswered(client, name, status)));
    await timed('attached, answered by DNS on ten hosts', async () => await all('NOERROR'));
    await asker.endpoint.detach(id);
    await timed('detached, answered no more on ten hosts', async () => await all('NXDOMAIN'));
  }
  for (const each of clients) each.close();
}

/** Asked again and again, as who waits for a name does; every few ms, as all of them share this machine. */
async function untilAnswered(client: ControlClient, name: string, wanted: string): Promise<void> {
  for (;;) {
    const { status } = await client.dns.lookUp({ name, type: 'A', network: 'default' });
    if (status === wanted) return;
    await sleep(POLL);
  }
}
