/** What a variable of the server's environment holds. `problem` goes on after "refers to NAME, ". */
export type EnvLookup = (name: string) => { ok: true; value: string } | { ok: false; problem: string };

export type Resolved = { ok: true; text: string } | { ok: false; problem: string };

/** `${env:NAME}`. */
const reference = /\$\{env:([^}]*)\}/g;
const validName = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
/** The server's own settings: whoever may set up channels may not read those. */
const ownName = /^(TOCSIN|PING)_/i;

/**
 * Looks variables up in an environment: what NAME holds, or the file that NAME_FILE names, without the line break at its end.
 * An empty one counts as unset.
 */
export function envLookup({
  env,
  readFile,
}: {
  env: Readonly<Record<string, string | undefined>>;
  /** Throws when the file cannot be read. */
  readFile: (path: string) => string;
}): EnvLookup {
  return (name) => {
    const value = env[name] ?? '';
    if (value !== '') return { ok: true, value };
    const path = env[`${name}_FILE`] ?? '';
    if (path === '') return { ok: false, problem: `which is not set in the server's environment, nor is ${name}_FILE` };
    try {
      const text = readFile(path).replace(/\r?\n$/, '');
      return text === '' ? { ok: false, problem: `and the file of ${name}_FILE is empty` } : { ok: true, value: text };
    } catch {
      return { ok: false, problem: `and the file of ${name}_FILE cannot be read` };
    }
  };
}

/** Whether a text is one reference and nothing else. */
export function isReference(text: string): boolean {
  return /^\$\{env:[A-Za-z0-9_]+\}$/.test(text);
}

/** Puts what they refer to in the place of all references in a text. `problem` reads on after the name of the field. */
export function resolveReferences(text: string, lookUp: EnvLookup): Resolved {
  let problem: string | null = null;
  const resolved = text.replace(reference, (_, name: string) => {
    const value = valueNamed(name, lookUp);
    if (!value.ok) problem ??= value.problem;
    return value.ok ? value.value : '';
  });
  return problem === null ? { ok: true, text: resolved } : { ok: false, problem };
}

function valueNamed(name: string, lookUp: EnvLookup): ReturnType<EnvLookup> {
  if (!validName.test(name)) {
    return { ok: false, problem: `must refer to a variable as \${env:NAME}, a name of letters, digits and _` };
  }
  if (ownName.test(name)) {
    return { ok: false, problem: `must not refer to ${name}: TOCSIN_* and PING_* are the server's own` };
  }
  const found = lookUp(name);
  return found.ok ? found : { ok: false, problem: `refers to ${name}, ${found.problem}` };
}
