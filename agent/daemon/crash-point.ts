/** For tests: the process ends as by a power cut after the step that WEFT_CRASH_AT names. Read here and nowhere else. */

/** `env`: the process's. */
export function crashPoint(env: NodeJS.ProcessEnv): (step: string) => void {
  const fatal = env['WEFT_CRASH_AT'];
  return (step) => {
    if (step === fatal) process.kill(process.pid, 'SIGKILL');
  };
}
