import { once } from 'node:events';
import { connect } from 'node:net';
import { settle } from '../support/fake-clock.ts';

/** One answer on a connection; of its date only whether there was one, which what node:http refuses lacks. */
export type WireAnswer = { status: string; headers: Record<string, string>; dated: boolean; body: string };

/** Client and server share one event loop, so so many turns without a byte mean that nothing is on its way. */
const quietTurns = 25;

/** Opens a connection, sends each piece by itself, and closes its side when nothing more comes back. All that came. */
export async function exchange(port: number, pieces: readonly (string | Uint8Array)[]): Promise<WireAnswer[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  await once(socket, 'connect');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A server that hangs up while pieces are on their way has said what it had to say.
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.on('close', resolve));
  for (const piece of pieces) {
    if (!socket.writable) break;
    socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece);
    const turns = pieces.length > 10 ? 2 : quietTurns;
    for (let quiet = 0, seen = chunks.length; quiet < turns && !socket.readableEnded; quiet++) {
      await settle(1);
      if (chunks.length > seen) quiet = 0;
      seen = chunks.length;
    }
  }
  socket.end();
  await closed;
  return answersIn(Buffer.concat(chunks).toString('latin1'));
}

/** No body of ours looks like the first line of an answer. */
const answerStart = /(?=HTTP\/1\.1 \d{3} )/;

function answersIn(text: string): WireAnswer[] {
  return text
    .split(answerStart)
    .filter((part) => part !== '')
    .map((part) => {
      const end = part.indexOf('\r\n\r\n');
      const [status = '', ...lines] = part.slice(0, end).split('\r\n');
      const fields = lines.map((line): [string, string] => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]);
      const { date, ...headers } = Object.fromEntries(fields);
      return { status, headers, dated: date !== undefined, body: part.slice(end + 4) };
    });
}
