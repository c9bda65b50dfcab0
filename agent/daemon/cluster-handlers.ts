/** What the control API says of the whole cluster. */
import type { ClusterHandlers } from '../../controlplane/api/cluster-handlers.ts';
import type { ClusterHost, HostSummary } from '../../controlplane/api/cluster-model.ts';
import { VERSION } from '../../controlplane/api/version.ts';
import { sentenceOf } from '../../controlplane/events/changes.ts';
import { summaryIn, summaryPayload } from '../../controlplane/events/payload.ts';
import type { GossipMember, MemberView } from '../gossip/member.ts';
import type { Daemon } from './daemon.ts';
import { ownLease, etcdOf } from './control-handlers.ts';
import { requiredMember } from './gossip-handlers.ts';

/** Serf's name of the question. */
const QUESTION = 'weft-status';
/** The tag of members that run weftd. */
const WEFT_TAG = 'weft';

export function clusterHandlers(daemon: Daemon): ClusterHandlers {
  const { membership, events } = daemon;
  membership?.answerTo(QUESTION, () => summaryPayload(summaryOf(daemon)));
  return {
    hosts: async () => await hostsOf(daemon),
    events: (since) => events.log.list(since),
    watchEvents: (listener) => events.log.watch(listener),
  };
}

function summaryOf(daemon: Daemon): HostSummary {
  const { board, session, planner, isReady, waitingFor, startedAt } = daemon;
  const problems = board.list();
  const [oldest] = problems;
  const problem = oldest === undefined ? waitingFor : sentenceOf(oldest);
  return {
    version: VERSION,
    runningSince: startedAt,
    ready: isReady,
    problemCount: problems.length,
    ...(problem === undefined ? {} : { problem }),
    ...(session === undefined ? {} : { backend: session.backend.type }),
    subnets: ownLease(session?.service).subnets,
    peers: planner.peerCount,
    etcdConnected: etcdOf(daemon).connected,
  };
}

/** Throws a WeftError when gossip is off or does not run. */
async function hostsOf({ membership }: Daemon): Promise<readonly ClusterHost[]> {
  const member = requiredMember(membership);
  const hosts = weftHostsOf(member);
  const expected = hosts.filter(({ status }) => status === 'alive').map(({ name }) => name);
  const answers = await member.ask(QUESTION, expected);
  return hosts.map(({ name, address, status, mine }) => {
    const answer = answers.get(name);
    const summary = answer === undefined ? undefined : summaryIn(answer);
    return { name, address, status, mine, ...(summary === undefined ? {} : { summary }) };
  });
}

/** Members that run weftd. */
export function weftHostsOf(member: GossipMember): MemberView[] {
  return [...member.members()].filter(({ tags }) => Object.hasOwn(tags, WEFT_TAG));
}
