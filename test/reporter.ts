/** The last lines of a test run: files that did not end, and how many tests passed and failed, over all projects. */
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
    const lines = [...unended(modules), `${count('passed')} passed, ${failed} failed`];
    // Coverage and other reporters still print after this hook.
    process.once('exit', () => writeSync(1, lines.map((line) => `${line}\n`).join('')));
  }
}

const ENDED: ReadonlySet<string> = new Set(['passed', 'failed', 'skipped']);

/** A process that goes takes its file with it: vitest says that one went, and not of which file. */
function unended(modules: readonly TestModule[]): string[] {
  return modules
    .filter((module) => !ENDED.has(module.state()))
    .map((module) => {
      const tests = [...module.children.allTests()];
      const ended = tests.filter((test) => ENDED.has(test.result().state)).length;
      return `${module.relativeModuleId} did not end: ${ended} of its ${tests.length} tests did`;
    });
}
