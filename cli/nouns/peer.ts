import { WATCH, type Noun } from '../spec.ts';

export const PEER: Noun = {
  name: 'peer',
  aliases: ['peers', 'p'],
  summary: 'how every other host is reached, and what is wrong with that',
  verbs: [
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'how every other host is reached, and what is wrong with that',
      description: [
        "Every other host that has a lease, sorted by subnet. Columns that no peer has are left out: handshake and bytes are WireGuard's; a reason is given where a backend chooses for each peer. With --watch the table comes once, then a line for each change; of handshakes, bytes and round trips nothing is told.",
      ],
      arguments: [
        {
          name: 'HOST',
          summary: 'only this one, by its name, key or subnet',
          optional: true,
          repeats: true,
          completes: 'peer',
        },
      ],
      options: [WATCH],
      examples: [
        {
          line: "weft peers --format '{{host}} {{mtu}} {{problems}}'",
          does: 'what is wrong where',
        },
      ],
      answer: {
        json: 'an array of peers; what is not known is absent',
        fields: {
          key: ['string', 'of its lease, as in `weft leases`'],
          subnets: ['strings', 'empty if the key cannot be read'],
          host: ['string', 'its name in the gossip; absent when no member is where its lease says'],
          node: [
            'string',
            'identity of the weft host; absent when flanneld or an operator wrote the lease',
          ],
          backend: ['string', 'by which it is reached now; absent when by none'],
          reason: ['string', 'why by that one, where a backend chooses for each peer'],
          endpoint: [
            'string',
            "where its packets go, with the port where the backend has one; WireGuard's as the device has it",
          ],
          lastHandshake: ['time', 'of WireGuard, and not before the first'],
          receivedBytes: [
            'number',
            'of WireGuard: through the tunnel since the device knows the peer',
          ],
          sentBytes: ['number', 'the same, the other way'],
          pathMtu: ['number', 'largest packet of the underlay that gets there whole, in bytes'],
          pathUnknown: ['string', 'one sentence: why `pathMtu` is not known'],
          roundTripMs: ['number', 'there and back over the tunnel'],
          mtu: ['number', 'largest packet that a workload may send there, in bytes'],
          problems: ['strings', 'one sentence each; empty when it is reached as it should be'],
        },
      },
      work: async () => await import('../commands/peers.ts'),
    },
  ],
};
