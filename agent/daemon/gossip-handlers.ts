/** What the control API says of members and keys. */
import { WeftError } from '../../controlplane/api/errors.ts';
import type { ControlHandlers } from '../../controlplane/api/handlers.ts';
import type { Status } from '../../controlplane/api/model.ts';
import type { GossipMember, KeyOperation, KeyReport } from '../gossip/member.ts';
import type { Membership } from '../gossip/membership.ts';

type GossipHandlers = Pick<ControlHandlers, 'members' | 'watchMembers' | 'keys' | 'changeKey'>;

/** `membership`: undefined when gossip is switched off. */
export function gossipHandlers(membership: Membership | undefined): GossipHandlers {
  return {
    members: () => requiredMember(membership).members(),
    watchMembers: (listener) => {
      requiredMember(membership);
      return required(membership).onChange(listener);
    },
    keys: async () => await askKeys(required(membership), 'list'),
    changeKey: async (action, text) => await askKeys(required(membership), action, keyIn(text)),
  };
}

function required(membership: Membership | undefined): Membership {
  if (membership !== undefined) return membership;
  throw new WeftError('WEFT_GOSSIP_OFF', 'gossip is switched off on this host', {
    fix: 'take --no-gossip (no-gossip, WEFT_NO_GOSSIP) out of the settings of weftd and restart it',
  });
}

/** Throws a WeftError when gossip is off or does not run. */
export function requiredMember(membership: Membership | undefined): GossipMember {
  return running(required(membership));
}

/** Absent when it is switched off. */
export function gossipStatus(membership: Membership | undefined): Status['gossip'] {
  if (membership === undefined) return undefined;
  const { name, address, member } = membership;
  const { alive = 0, leaving = 0, failed = 0, left = 0 } = member?.counts.members ?? {};
  return {
    name,
    ...(address === undefined ? {} : { address }),
    alive: alive + leaving,
    failed,
    left,
    encrypted: member?.isEncrypted ?? false,
  };
}

async function askKeys(
  membership: Membership,
  operation: KeyOperation,
  key?: Uint8Array,
): Promise<KeyReport> {
  const member = running(membership);
  if (member.isEncrypted) return await member.keys(operation, key);
  throw new WeftError('WEFT_GOSSIP_PLAIN', 'gossip is not encrypted, so there are no keys', {
    fix: 'make one with weft keys generate, and give it to weftd on every host in a --gossip-key-file',
  });
}

function running({ member, problems }: Membership): GossipMember {
  if (member !== undefined) return member;
  const [problem] = problems;
  throw new WeftError(
    'WEFT_GOSSIP_DOWN',
    problem === undefined ? 'gossip is still starting' : problem.message,
    problem === undefined ? { fix: 'ask again in a moment' } : {},
  );
}

/** AES-128, AES-192, AES-256. */
const KEY_LENGTHS = [16, 24, 32];

function keyIn(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (KEY_LENGTHS.includes(bytes.length) && bytes.toString('base64') === text) return bytes;
  throw new WeftError('WEFT_USAGE', 'this is no key', {
    fix: 'give 16, 24 or 32 bytes in base64, as weft keys generate makes them',
  });
}
