import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// `npm run proto:check`: is gen/ what `npm run generate` writes now, and can outside clients live with what changed in
// proto/? Ends with 1 when one of the two is not so.

const root = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'tocsin-proto-'));
let failed = false;
try {
  checkGenerated();
  checkBreaking();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

function checkGenerated(): void {
  run('buf', ['generate', '-o', scratch]);
  const fresh = filesUnder(join(scratch, 'gen'));
  const committed = filesUnder(join(root, 'gen'));
  const differing = [...new Set([...fresh.keys(), ...committed.keys()])]
    .filter((path) => fresh.get(path) !== committed.get(path))
    .sort();
  if (differing.length === 0) {
    say(`generated code: current (${fresh.size} files)`);
  } else {
    const list = differing.map((path) => `  gen/${path}`).join('\n');
    fail(`generated code: out of date, run \`npm run generate\`:\n${list}`);
  }
}

function checkBreaking(): void {
  const head = commitOf('HEAD');
  const main = ['main', 'origin/main'].filter((name) => ![undefined, head].includes(commitOf(name)));
  if (head === undefined) {
    say('breaking changes: NOT CHECKED, this is no git checkout with a commit');
  } else if (main.length > 0) {
    compareWith(main);
  } else {
    say('breaking changes: main is not here or is this very commit, so the last commit and its parent are compared');
    compareWith(['HEAD', 'HEAD~1']);
  }
}

function compareWith(names: string[]): void {
  for (const name of names) {
    const commit = commitOf(name);
    const archive = join(scratch, `${name.replaceAll('/', '-')}.tar`);
    if (commit === undefined) {
      say(
        `breaking changes against ${name}: NOT CHECKED, there is no such commit here (the first one, or a shallow clone)`,
      );
    } else if (
      spawnSync('git', ['archive', '-o', archive, commit, 'buf.yaml', 'proto/tocsin'], { cwd: root }).status !== 0
    ) {
      say(`breaking changes against ${name}: NOT CHECKED, ${commit} has no contract in proto/tocsin`);
    } else {
      execFileSync('git', ['archive', '-o', archive, commit, 'buf.yaml', 'proto'], { cwd: root });
      const { status, stdout, stderr } = spawnSync('buf', ['breaking', '--against', archive], {
        cwd: root,
        encoding: 'utf8',
      });
      if (status === 0) say(`breaking changes against ${name} (${commit}): none`);
      else fail(`breaking changes against ${name} (${commit}):\n${stdout}${stderr}`);
    }
  }
}

/** The short id of a commit; undefined when there is none by this name. */
function commitOf(name: string): string | undefined {
  const { status, stdout } = spawnSync('git', ['rev-parse', '--verify', '--quiet', '--short', `${name}^{commit}`], {
    cwd: root,
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : undefined;
}

function filesUnder(folder: string): Map<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = entries.map((entry) => join(entry.parentPath, entry.name));
  return new Map(paths.map((path) => [path.slice(folder.length + 1), readFileSync(path, 'utf8')]));
}

function run(command: string, args: string[]): void {
  execFileSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function fail(line: string): void {
  failed = true;
  process.stderr.write(`${line}\n`);
}
