import { beforeEach, expect, test } from 'vitest';
import { address } from '../../ip/address.ts';
import { socketAddress } from '../../ip/socket-address.ts';
import { Endpoints } from './endpoints.ts';

const LEASE = socketAddress(address('192.0.2.1'), 51_820);
const MOVED = socketAddress(address('198.51.100.1'), 4711);

/** In s. */
let now: number;
let endpoints: Endpoints;
beforeEach(() => {
  now = 1_700_000_000;
  endpoints = new Endpoints(() => now * 1000);
});

function sees(endpoint = MOVED, handshake = now) {
  endpoints.saw(new Map([['peer', { endpoint, handshake }]]));
  return endpoints.told('peer', { endpoint, handshake });
}

test("a peer that moved keeps its place while it is in session; then the lease's counts again", () => {
  endpoints.put('peer', LEASE);
  const handshake = now;
  expect(sees(MOVED, handshake)).toBe(LEASE);
  now += 179;
  expect(sees(MOVED, handshake)).toBe(LEASE);
  now += 1;
  expect(sees(MOVED, handshake)).toBe(MOVED);
});

test('an endpoint without any session is told as it is, to be put right', () => {
  endpoints.put('peer', LEASE);
  expect(sees(MOVED, 0)).toBe(MOVED);
});

test('after a start, a peer in session stays where it is found', () => {
  expect(sees()).toBe(MOVED);
  expect(endpoints.mayStay('peer')).toBe(true);
  endpoints.put('peer', LEASE);
  expect(sees()).toBe(LEASE);
});

test('after a start, a peer out of session goes where the lease says', () => {
  sees(MOVED, now - 180);
  expect(endpoints.mayStay('peer')).toBe(false);
  expect(endpoints.mayStay('unheard of')).toBe(false);
});

test("a lease that changes later is newer than the device's", () => {
  endpoints.put('peer', LEASE);
  sees();
  expect(endpoints.mayStay('peer')).toBe(false);
  endpoints.forget('peer');
  expect(endpoints.mayStay('peer')).toBe(true);
});
