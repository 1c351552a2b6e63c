/**
 * The command line that starts a program without the test runner's tracing. The runner patches `spawn` to put its loaders
 * into every child's NODE_OPTIONS, whatever `env` says: that costs each Node process half a second and breaks `tsc`.
 * `env` takes them out again and becomes the program, so pid and signals are the program's own.
 */
export function untraced(program: string, args: readonly string[]): [string, string[]] {
  return ['env', ['-u', 'NODE_OPTIONS', program, ...args]];
}
