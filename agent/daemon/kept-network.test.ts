import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hostFacts } from '../backend/backend.suite.ts';
import type { HostFacts } from '../state/facts.ts';
import { parseNetworkConfig } from '../subnet/network-config.ts';
import { isRefused } from '../subnet/parsed.ts';
import { KeptNetwork, type FoundNetwork } from './kept-network.ts';

let stateDir: string;

beforeEach(() => void (stateDir = mkdtempSync(join(tmpdir(), 'weft-kept-'))));
afterEach(() => rmSync(stateDir, { recursive: true }));

function networkOf(Type: string, options: object = {}): FoundNetwork {
  const text = JSON.stringify({ Network: '10.5.0.0/16', Backend: { Type, ...options } });
  const parsed = parseNetworkConfig(text, 'config');
  if (isRefused(parsed)) throw new Error(text);
  return { network: parsed.value, text };
}

/** A planner whose present mesh, and those beside it, are as the test says. */
function stage() {
  const planner = { facts: undefined as HostFacts | undefined, formers: new Map<string, number>() };
  const kept = new KeptNetwork(stateDir, planner, { info: () => {}, warn: () => {} });
  let running: FoundNetwork | undefined;
  const takeUp = (next: FoundNetwork, doesStand = true): void => {
    kept.takeUp(running, next);
    running = next;
    if (!doesStand) return;
    const { type } = planner.facts?.network.backend ?? {};
    if (type !== undefined && type !== next.network.backend.type) planner.formers.set(type, 1);
    planner.formers.delete(next.network.backend.type);
    planner.facts = hostFacts(next.network.backend, [4]);
  };
  const drop = (type: string): void => {
    planner.formers.delete(type);
    kept.settle(running);
  };
  return { takeUp, drop, text: () => kept.read()?.text };
}

const [vxlan, wireguard, direct] = [
  networkOf('vxlan'),
  networkOf('wireguard'),
  networkOf('host-gw'),
];

test('while a former mesh stands, a start goes on from that', () => {
  const { takeUp, drop, text } = stage();
  takeUp(vxlan);
  expect(text()).toBe(vxlan.text);
  takeUp(wireguard);
  expect(text()).toBe(vxlan.text);
  takeUp(networkOf('wireguard', { ListenPort: 7777 }));
  expect(text()).toBe(vxlan.text);
  drop('vxlan');
  expect(text()).toContain('7777');
});

test('of several, from the last that was given up', () => {
  const { takeUp, drop, text } = stage();
  takeUp(vxlan);
  takeUp(wireguard);
  takeUp(direct);
  expect(text()).toBe(wireguard.text);
  drop('wireguard');
  expect(text()).toBe(wireguard.text);
  drop('vxlan');
  expect(text()).toBe(direct.text);
});

test('one that cannot be carried out takes no place', () => {
  const { takeUp, drop, text } = stage();
  takeUp(vxlan);
  takeUp(wireguard, false);
  takeUp(direct);
  expect(text()).toBe(vxlan.text);
  takeUp(vxlan);
  expect(text()).toBe(direct.text);
  drop('host-gw');
  expect(text()).toBe(vxlan.text);
});

test('what cannot be kept is told, and hinders nothing', () => {
  const said: string[] = [];
  const planner = { facts: undefined, formers: new Map() };
  const log = { info: () => {}, warn: (_: object, text: string) => void said.push(text) };
  const file = join(stateDir, 'file');
  writeFileSync(file, '');
  new KeptNetwork(join(file, 'below'), planner, log).takeUp(undefined, vxlan);
  expect(said).toEqual([expect.stringContaining('network.json')]);
});
