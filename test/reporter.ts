/** The last line of a test run: how many tests passed and failed, over all projects. */
import { writeSync } from 'node:fs';
import type { Reporter, SerializedError, TestModule } from 'vitest/node';

export default class TotalReporter implements Reporter {
  /** Errors outside tests, in hooks and in files that cannot be loaded count as failed: none may look like success. */
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const states = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => test.result().state),
    );
    const count = (state: (typeof states)[number]) =>
      states.filter((each) => each === state).length;
    const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const broken = suites.filter((suite) => suite.errors().length > 0).length;
    const failed = count('failed') + broken + errors.length;
    const line = `${count('passed')} passed, ${failed} failed\n`;
    // Coverage and other reporters still print after this hook.
    process.once('exit', () => writeSync(1, line));
  }
}
