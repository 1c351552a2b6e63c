import type { Socket } from 'node:net';

type ClientError = Error & { code?: string };

/** Answers bytes that are not an HTTP/1.1 request, before there is one: the same JSON, written by hand; then hangs up. */
export function answerClientError(error: ClientError, socket: Socket): void {
  // A peer that left hears nothing; neither does one that is in the middle of an answer (Node's documentation of
  // 'clientError' gives this way of telling).
  const answering = (socket as { _httpMessage?: { headersSent: boolean } | null })._httpMessage?.headersSent ?? false;
  if (error.code === 'ECONNRESET' || !socket.writable || answering) {
    socket.destroy();
    return;
  }
  const { status, code, message } = describe(error);
  const body = JSON.stringify({ code, message });
  const head = [
    `HTTP/1.1 ${status}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'cache-control: no-store',
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function describe(error: ClientError): { status: string; code: string; message: string } {
  switch (error.code) {
    case 'HPE_INVALID_URL':
      return bad('path: must be ASCII; percent-encode everything else');
    case 'HPE_HEADER_OVERFLOW':
      return {
        status: '431 Request Header Fields Too Large',
        code: 'resource_exhausted',
        message: 'headers: are over the limit',
      };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return {
        status: '408 Request Timeout',
        code: 'deadline_exceeded',
        message: 'the request took too long to arrive',
      };
    default:
      return bad(`request: is not valid HTTP (${error.code ?? 'unknown'})`);
  }
}

function bad(message: string): { status: string; code: string; message: string } {
  return { status: '400 Bad Request', code: 'invalid_argument', message };
}
