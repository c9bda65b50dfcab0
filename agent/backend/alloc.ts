/** alloc: a subnet for every host and nothing else; how packets get there is somebody else's business. */
import { perFamily } from '../state/facts.ts';
import type { Backend } from './backend.ts';

export function alloc(): Backend {
  return {
    type: 'alloc',
    links: [],
    publish: ({ underlay, families }) => {
      const { 4: v4, 6: v6 } = underlay.publicAddresses;
      return {
        publicAddresses: perFamily(v4, families.includes(6) ? v6 : undefined),
        // As flanneld, which publishes none for it.
        backendType: '',
      };
    },
    plan: ({ underlay }) => ({ mtu: underlay.mtu, host: [], peer: () => ({ resources: [] }) }),
  };
}
