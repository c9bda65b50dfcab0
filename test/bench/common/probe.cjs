/**
 * Loaded into weftd by NODE_OPTIONS=--require, and no part of it: notes each time the event loop stood still, and
 * writes it to $WEFT_PROBE when the process ends. The loop counts from its first turn; loading the program is no part.
 */
const { writeFileSync } = require('node:fs');

const file = process.env.WEFT_PROBE;
/** Reading the processor time costs 50 µs; in ms. */
const EVERY = 4;
/** Shorter pauses are not noted, in ms. */
const NOTED = 6;

if (file !== undefined) {
  const gaps = [];
  setImmediate(() => {
    let last = performance.now();
    let used = process.cpuUsage();
    setInterval(() => {
      const now = performance.now();
      const usedNow = process.cpuUsage();
      if (now - last > NOTED) {
        // What the process computed meanwhile: less than the pause when others had the processor.
        const cpu = (usedNow.user - used.user + usedNow.system - used.system) / 1000;
        gaps.push({ at: Date.now(), ms: now - last, cpu });
      }
      last = now;
      used = usedNow;
    }, EVERY).unref();
  });
  process.on('exit', () => writeFileSync(file, JSON.stringify(gaps)));
}
