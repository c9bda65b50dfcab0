/** Mutated gossip, by hand: `npm run fuzz -- COUNT [SEED]`. A failing case prints its seed: `npm run fuzz -- 1 SEED`. */
import { fuzz } from '../../controlplane/gossip/codec/fuzz.ts';

/** Cases between two lines. */
const STRIDE = 50_000;

const [count = 10_000, seed = 1] = process.argv.slice(2).map(Number);
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed)) {
  console.error('fuzz: give a number of cases and, if you like, a seed: npm run fuzz -- 1000000 1');
  process.exit(2);
}
for (let done = 0; done < count; done += STRIDE) {
  const tally = fuzz(Math.min(STRIDE, count - done), seed + done);
  const { rss } = process.memoryUsage();
  console.log(`${done + tally.cases} cases`, tally, `${Math.round(rss / 2 ** 20)} MiB`);
}
console.log(`${count} cases from seed ${seed}: nothing escaped`);
