/** member.ts as a program of one file, started in a way that keeps it small. */
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';

const ENTRY = fileURLToPath(new URL('member.ts', import.meta.url));

/** How member.ts is started: its own arguments follow. */
export interface MemberProgram {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** Bundles it into `outfile`, which ends in .mjs. */
export async function buildMember(outfile: string): Promise<MemberProgram> {
  await build({
    entryPoints: [ENTRY],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    minify: true,
    legalComments: 'none',
    logLevel: 'warning',
    banner: {
      js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);",
    },
  });
  return { command: process.execPath, args: [...FLAGS, outfile], env: { ...process.env, ...ENV } };
}

const FLAGS = ['--max-semi-space-size=1'];
const ENV = {};
