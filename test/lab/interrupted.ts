/** A lab that says its name and never ends: for the test of what a signal leaves. */
import { createLab } from './lab.ts';

const lab = await createLab({ nodes: 2 });
await lab.startEtcd();
lab.host(1).spawn('sleep', ['600']);
console.log(lab.name);
// Without it the process would end as nothing else is awaited.
setInterval(() => undefined, 60_000);
