/** `weft dns check` on this host: what it answers others, and what it asks them. */
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { checkNames, type Finding, type Progress } from '../../controlplane/dns/check.ts';
import type { NamesAnswer } from '../../controlplane/dns/check-model.ts';
import { question, readAnswer } from '../../controlplane/dns/client.ts';
import type { Answered } from '../../controlplane/dns/digests.ts';
import { Witness } from '../../controlplane/dns/witness.ts';
import { RCODE, TYPE } from '../../controlplane/dns/wire.ts';
import type { DnsService } from '../dns/service.ts';
import { addressFromBytes } from '../ip/address.ts';
import { weftHostsOf } from './cluster-handlers.ts';
import type { Daemon } from './daemon.ts';
import { requiredMember } from './gossip-handlers.ts';
import { namesOf } from './name-rows.ts';
import { answerIn, answerPayload, questionIn, questionPayload } from './names-payload.ts';

/** Serf's name of the question. */
const QUESTION = 'weft-names';
const DEFAULT_DOMAIN = 'weft';
const STATUSES = new Map(Object.entries(RCODE).map(([name, code]) => [code as number, name]));

/** From now on other hosts are answered. */
export function answerChecks(daemon: Daemon): void {
  const witness = new Witness({
    names: () => claimsOf(daemon),
    ask: async (name) => await askOwn(daemon.dns, name),
    hindrance: () => (daemon.dns === undefined ? 'has its DNS switched off' : undefined),
    pause: async (ms) => await pause(ms, undefined, { ref: false }),
  });
  daemon.membership?.answerTo(QUESTION, async (payload) => {
    const asked = questionIn(payload);
    return asked && answerPayload(await witness.answer(asked));
  });
}

/** Throws a WeftError when gossip is off or does not run. */
export async function checkAll(
  { config, membership }: Daemon,
  tell: (progress: Progress) => void,
): Promise<readonly Finding[]> {
  const member = requiredMember(membership);
  const hosts = weftHostsOf(member)
    .filter(({ status }) => status !== 'left')
    .map(({ name }) => name);
  return await checkNames({
    check: randomUUID(),
    domain: config.dns?.domain ?? DEFAULT_DOMAIN,
    hosts,
    ask: async (asked, expected) => {
      const answers = await member.ask(QUESTION, expected, questionPayload(asked));
      return readable(answers);
    },
    pause: async (ms) => await pause(ms),
    tell,
  });
}

function readable(answers: ReadonlyMap<string, Uint8Array>): Map<string, NamesAnswer> {
  const read = new Map<string, NamesAnswer>();
  for (const [host, payload] of answers) {
    const answer = answerIn(payload);
    if (answer !== undefined) read.set(host, answer);
  }
  return read;
}

/** All names, and what this host says itself for each. */
function claimsOf(daemon: Daemon): Map<string, string[]> {
  const claims = new Map<string, string[]>();
  for (const { name, network, address, mine } of namesOf(daemon)) {
    const key = `${name}.${network}`;
    const claimed = claims.get(key) ?? [];
    if (mine) claimed.push(address);
    claims.set(key, claimed);
  }
  return claims;
}

/** As this host itself asks. Never of others: a name of ours is not told to them. Never rejects. */
async function askOwn(
  service: DnsService | undefined,
  name: string,
): Promise<Answered | undefined> {
  try {
    return await answerOf(service, name);
  } catch {
    // A name that is none, or an answer that is none.
    return undefined;
  }
}

async function answerOf(
  service: DnsService | undefined,
  name: string,
): Promise<Answered | undefined> {
  const told = await Promise.all(
    [TYPE.A, TYPE.AAAA].map(async (type) => {
      const answer = await service?.lookUp(question(name, { type, edns: 1232 }), 'all', false);
      return answer && readAnswer(answer);
    }),
  );
  const [v4, v6] = told;
  if (v4 === undefined || v6 === undefined) return undefined;
  const addresses = [
    ...v4.answers.filter(({ type }) => type === TYPE.A).map(({ data }) => data),
    ...v6.answers
      .filter(({ type }) => type === TYPE.AAAA)
      .map(({ data }) => addressFromBytes(Buffer.from(data, 'hex')) as string),
  ];
  return { status: statusText(v4.rcode), addresses: addresses.sort() };
}

export function statusText(rcode: number): string {
  return STATUSES.get(rcode) ?? `RCODE${rcode}`;
}
