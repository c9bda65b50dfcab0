/** Reaching into network namespaces, with and without the permission. */
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../lab/command.ts';

const NAMESPACE = fileURLToPath(new URL('../../agent/kernel/namespace.ts', import.meta.url));
const SCRIPT = `
  import { inNamespace, namespaceAt, openNamespace } from ${JSON.stringify(NAMESPACE)};
  import { readlinkSync } from 'node:fs';
  const own = () => readlinkSync('/proc/thread-self/ns/net');
  const home = own();
  const inside = openNamespace(namespaceAt('/proc/self/ns/net'));
  try {
    console.log(inNamespace(inside, own) === home);
  } catch (error) {
    console.log(error.code, error.message, own() === home);
  }
`;

async function tried(...before: string[]): Promise<string> {
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', SCRIPT];
  const [program = '', ...args] = [...before, ...node];
  return (await run(program, args)).stdout.trim();
}

test('a thread goes there and comes back', async () => {
  expect(await tried()).toBe('true');
});

test('without the permission it stays where it is, and says what is wanted', async () => {
  expect(await tried('setpriv', '--bounding-set', '-sys_admin')).toMatch(
    /^EPERM .*CAP_SYS_ADMIN.* true$/,
  );
});
