import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../names/index.ts';
import { NameIndex } from './name-index.ts';

const OWNERS = ['h1', 'h2', 'h3'];
const NETWORKS = ['app', 'back'];
const NAMES = ['web', 'db', 'cache'];

type Step =
  | {
      readonly type: 'endpoint';
      readonly owner: string;
      readonly id: number;
      readonly value: Value | undefined;
    }
  | {
      readonly type: 'name';
      readonly owner: string;
      readonly value: Value;
      readonly there: boolean;
    }
  | { readonly type: 'host'; readonly owner: string; readonly there: boolean };

interface Value {
  readonly network: string;
  readonly name: string;
  readonly last: number;
}

const value: fc.Arbitrary<Value> = fc.record({
  network: fc.constantFrom(...NETWORKS),
  name: fc.constantFrom(...NAMES),
  last: fc.integer({ min: 1, max: 4 }),
});
const owner = fc.constantFrom(...OWNERS);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constant('endpoint' as const),
    owner,
    id: fc.nat(3),
    value: fc.option(value, { nil: undefined }),
  }),
  fc.record({ type: fc.constant('name' as const), owner, value, there: fc.boolean() }),
  fc.record({ type: fc.constant('host' as const), owner, there: fc.boolean() }),
);

const idOf = (id: number): string => id.toString(16).padStart(16, '0');
const addressOf = ({ last }: Value): Uint8Array => Uint8Array.of(10, 0, 0, last);

function endpointOf(id: number, of: Value): Endpoint {
  const { network, name } = of;
  const addresses = [addressOf(of)];
  return {
    id: idOf(id),
    network,
    addresses,
    mac: new Uint8Array(6),
    names: [name],
    ports: [],
    host: false,
  };
}

function apply(index: NameIndex, done: Step): void {
  if (done.type === 'endpoint') {
    const { id, value: said } = done;
    index.setEndpoint(done.owner, idOf(id), said && endpointOf(id, said));
  } else if (done.type === 'name') {
    const { network, name, last } = done.value;
    const record = { network, name, address: addressOf(done.value), ttl: 5 };
    index.setName(done.owner, `${network}/${name}/${last}`, done.there ? record : undefined);
  } else
    index.setHost(done.owner, done.owner, done.there ? [Uint8Array.of(192, 0, 2, 1)] : undefined);
}

/** All that can be asked of it. */
function shownBy(index: NameIndex): object {
  const names = [...NAMES, ...OWNERS, ...[0, 1, 2, 3].map(idOf)];
  const found = [...NETWORKS, 'host'].flatMap((network) =>
    names.map((name) => {
      const list = index.find(network, name)?.addresses(4) ?? [];
      return [network, name, list.map(({ bytes }) => bytes.join('.')).sort()];
    }),
  );
  const reverse = [1, 2, 3, 4].map((last) =>
    [...index.reverse(`${last}.0.0.10.in-addr.arpa`)]
      .map(({ network, name }) => `${name}.${network}`)
      .sort(),
  );
  return { found, reverse, networks: index.networks };
}

describe('the index of names', () => {
  it('shows what would be shown if it had only ever heard the last word of each', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const index = new NameIndex();
        const last = new Map<string, Step>();
        for (const done of steps) {
          apply(index, done);
          // What was asked meanwhile must not matter.
          shownBy(index);
          const what =
            done.type === 'endpoint'
              ? done.id
              : done.type === 'name'
                ? JSON.stringify(done.value)
                : '';
          last.set(`${done.type} ${done.owner} ${what}`, done);
        }
        const fresh = new NameIndex();
        for (const done of last.values()) apply(fresh, done);
        expect(shownBy(index)).toEqual(shownBy(fresh));
      }),
      { numRuns: 500 },
    );
  });

  it('hides what a host said that is gone, and shows it when the host is back', () => {
    const index = new NameIndex();
    const said = endpointOf(1, { network: 'app', name: 'web', last: 1 });
    index.setEndpoint('h1', said.id, said);
    const here = [Uint8Array.of(192, 0, 2, 1)];
    index.setHost('h1', 'h1', here);
    expect(index.find('app', 'web')?.addresses(4)).toHaveLength(1);
    index.setHost('h1', 'h1', undefined);
    expect(index.find('app', 'web')).toBeUndefined();
    expect(index.networks).toEqual([]);
    index.setHost('h1', 'h1', here);
    expect(index.find('app', 'web')?.addresses(4)).toHaveLength(1);
  });
});
