/** The netlink package's C++ under what JavaScript may do at any time. In a process of its own, as that would end. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../lab/command.ts';

const ROOM = fileURLToPath(new URL('../../agent/kernel/netlink/', import.meta.url));
/** Marks that another socket has no room for keep this one waiting to send, while an answer comes that closes it. */
const SCRIPT = `
  import { RawNetlinkSocket } from 'netlink/dist/raw.js';
  import { writeLinkRequestByName } from ${JSON.stringify(`${ROOM}link.ts`)};
  import { MessageWriter } from ${JSON.stringify(`${ROOM}message.ts`)};
  import { RequestSocket } from ${JSON.stringify(`${ROOM}socket.ts`)};
  const other = new RawNetlinkSocket(0, { recvBufferSize: 2048 });
  const port = other.address().port >>> 0;
  const [RTM_GETLINK, NLMSG_NOOP] = [18, 1];
  const [asking, mark] = [new MessageWriter(), new MessageWriter()];
  mark.begin(NLMSG_NOOP, 0, 1);
  mark.end();
  const socket = new RequestSocket();
  const asked = socket.ask(asking, RTM_GETLINK, 0, (writer) => writeLinkRequestByName(writer, 'lo'));
  for (let i = 0; i < 200; i++) socket.mark(port, Buffer.from(mark.written));
  await asked;
  socket.close();
  const late = await socket.ask(asking, RTM_GETLINK, 0, () => {}).catch(({ code }) => code);
  setImmediate(() => setImmediate(() => {
    other.close();
    console.log(late, 'alive');
  }));
`;

test('a socket that is closed on an answer, with more to send, takes nothing down', async () => {
  const node = ['--import', 'tsx', '--input-type=module', '-e', SCRIPT];
  const { code, stdout } = await run(process.execPath, node);
  expect({ code, said: stdout.trim() }).toEqual({ code: 0, said: 'EBADF alive' });
});
