/** Everything that `weft` can be told, in the order of its help. A new command is a file in nouns/ and a line here. */
import { CLUSTER } from './nouns/cluster.ts';
import { COMPLETE, COMPLETION } from './nouns/completion.ts';
import { DOCKER_OPTS } from './nouns/docker-opts.ts';
import { DNS } from './nouns/dns.ts';
import { ATTACH, DETACH, ENDPOINT, EXPOSE, HIDE } from './nouns/endpoint.ts';
import { EVENT } from './nouns/event.ts';
import { KEY } from './nouns/key.ts';
import { LEASE } from './nouns/lease.ts';
import { MEMBER } from './nouns/member.ts';
import { NETWORK } from './nouns/network.ts';
import { PEER } from './nouns/peer.ts';
import { PLAN } from './nouns/plan.ts';
import { STATUS } from './nouns/status.ts';
import { VERSION_COMMAND } from './nouns/version.ts';
import type { Entry } from './spec.ts';

export const NOUNS: readonly Entry[] = [
  STATUS,
  CLUSTER,
  LEASE,
  MEMBER,
  PEER,
  EVENT,
  NETWORK,
  ATTACH,
  DETACH,
  ENDPOINT,
  EXPOSE,
  HIDE,
  DNS,
  KEY,
  PLAN,
  DOCKER_OPTS,
  COMPLETION,
  COMPLETE,
  VERSION_COMMAND,
];
