/** A lab that says its name and never ends, for the test of what a signal leaves: `machine` has a machine in it. */
import { createLab } from './lab.ts';

const machines = process.argv[2] === 'machine' ? [1] : [];
const lab = await createLab({ nodes: 2, machines });
if (machines.length === 0) {
  await lab.startEtcd();
  lab.host(1).spawn('sleep', ['600']);
}
console.log(lab.name);
// Without it the process would end as nothing else is awaited.
setInterval(() => undefined, 60_000);
