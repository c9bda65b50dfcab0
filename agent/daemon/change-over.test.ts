import { expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { ChangeOver } from './change-over.ts';

function changing(first: Readonly<Record<string, number>>) {
  const clock = new ManualClock();
  const formers = new Map(Object.entries(first));
  const dropped: string[] = [];
  const told: string[][] = [];
  const changeOver = new ChangeOver({
    clock,
    formers: () => formers,
    drop: (type) => {
      dropped.push(type);
      formers.delete(type);
    },
    tell: (overdue) => void told.push([...overdue]),
  });
  changeOver.look();
  const peersOf = (type: string, peers: number): void => {
    formers.set(type, peers);
    changeOver.look();
  };
  return { clock, changeOver, peersOf, dropped, told };
}

test('a mesh stands while it has peers, is told of when that takes long, and goes after the last', () => {
  const { clock, peersOf, dropped, told } = changing({ vxlan: 2 });
  peersOf('vxlan', 1);
  clock.advance(9_999);
  expect(told).toEqual([]);
  clock.advance(1_000_001);
  expect([dropped, told]).toEqual([[], [['vxlan']]]);
  peersOf('vxlan', 0);
  expect(told).toEqual([['vxlan'], []]);
  clock.advance(9_999);
  expect(dropped).toEqual([]);
  clock.advance(1);
  expect(dropped).toEqual(['vxlan']);
});

test('a peer that comes back keeps the mesh; others go meanwhile', () => {
  const { clock, peersOf, dropped } = changing({ vxlan: 0, wireguard: 0 });
  clock.advance(5_000);
  peersOf('vxlan', 1);
  clock.advance(5_000);
  expect(dropped).toEqual(['wireguard']);
  peersOf('vxlan', 0);
  clock.advance(10_000);
  expect(dropped).toEqual(['wireguard', 'vxlan']);
});

test('after its end nothing is dropped or told', () => {
  const { clock, changeOver, dropped, told } = changing({ vxlan: 0, wireguard: 1 });
  changeOver.stop();
  clock.advance(60_000);
  expect([dropped, told]).toEqual([[], []]);
});
