/**
 * What JSON.parse has against a text, without the piece of the text that V8 quotes in some of its messages: it may hold a
 * secret. Where V8 names the position, it stays.
 */
export function jsonProblem({ message }: Error): string {
  return /^Unexpected token '.{1,2}'(?=,)|^[^"]*$/su.exec(message)?.[0] ?? 'it cannot be parsed';
}
