import { expect, test } from 'vitest';
import { visitMessages } from '../netlink/message.ts';
import { touchedTable, type TouchedTable } from './events.ts';

/** struct nlmsghdr, struct nfgenmsg and one attribute of type 1, little-endian. */
function datagram(type: number, family: number, attribute: Uint8Array): Buffer {
  const length = 4 + attribute.length;
  const bytes = Buffer.alloc(20 + ((length + 3) & ~3));
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(type, 4);
  bytes.writeUInt8(family, 16);
  bytes.writeUInt16LE(length, 20);
  bytes.writeUInt16LE(1, 22);
  return Buffer.concat([bytes.subarray(0, 24), attribute, bytes.subarray(24 + attribute.length)]);
}

function read(bytes: Buffer): (TouchedTable | undefined)[] {
  const tables: (TouchedTable | undefined)[] = [];
  visitMessages(bytes, (message) => tables.push(touchedTable(message)));
  return tables;
}

const NEWRULE = 0x0a06;
const DELTABLE = 0x0a02;
const NEWGEN = 0x0a0f;

test('a message names its table and family', () => {
  expect(read(datagram(NEWRULE, 1, Buffer.from('weft\0')))).toEqual([
    { family: 'inet', name: 'weft' },
  ]);
  expect(read(datagram(DELTABLE, 10, Buffer.from('filter\0')))).toEqual([
    { family: 'ip6', name: 'filter' },
  ]);
});

test('the end of a transaction, other subsystems, families and broken messages name none', () => {
  expect(read(datagram(NEWGEN, 0, Buffer.from([0, 0, 0, 1])))).toEqual([undefined]);
  expect(read(datagram(0x0106, 1, Buffer.from('weft\0')))).toEqual([undefined]);
  expect(read(datagram(NEWRULE, 99, Buffer.from('weft\0')))).toEqual([undefined]);
  const bytes = datagram(NEWRULE, 1, Buffer.from('weft\0'));
  const cut = bytes.subarray(0, 16);
  cut.writeUInt32LE(16, 0);
  expect(read(cut)).toEqual([undefined]);
});
