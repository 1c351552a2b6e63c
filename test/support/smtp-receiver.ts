import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Test } from 'tap';
import { testCertificate } from './test-certificate.ts';

/** What a client said within one message. */
export type ReceivedMail = { from: string; to: string[]; raw: string; isSecure: boolean; credentials: string };

/** Answers to commands, by the verb; "" is the greeting, "." the end of the data. Null: nothing is answered. */
export type SmtpScript = Record<string, string | null | ((line: string) => string | null)>;

/** An SMTP server that answers as it is told. It offers STARTTLS and AUTH PLAIN unless the script says otherwise. */
export class SmtpReceiver {
  readonly mails: ReceivedMail[] = [];
  readonly lines: string[] = [];
  readonly port: number;
  /** Connections that were made. */
  readonly sockets: Socket[];

  private constructor(port: number, sockets: Socket[]) {
    this.port = port;
    this.sockets = sockets;
  }

  static async start(t: Test, script: SmtpScript = {}, { implicit = false } = {}): Promise<SmtpReceiver> {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      receiver.#serve(implicit ? secured(socket) : socket, script, implicit);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const receiver = new SmtpReceiver((server.address() as AddressInfo).port, sockets);
    t.teardown(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return receiver;
  }

  #serve(socket: Socket, script: SmtpScript, isSecure: boolean): void {
    const mail: ReceivedMail = { from: '', to: [], raw: '', isSecure, credentials: '' };
    let inData = false;
    const say = (verb: string, line: string, usual: string): string | null => {
      const own = script[verb];
      const answer = own === undefined ? usual : typeof own === 'function' ? own(line) : own;
      if (answer === 'destroy') socket.destroy();
      else if (answer !== null) socket.write(`${answer}\r\n`);
      return answer;
    };
    const onLine = (line: string): void => {
      if (inData) {
        if (line !== '.') mail.raw += `${line.replace(/^\./, '')}\r\n`;
        else {
          inData = false;
          if (/^250/.test(say('.', line, '250 2.0.0 queued as 1') ?? '')) this.mails.push({ ...mail });
        }
        return;
      }
      this.lines.push(line);
      const verb = (/^[A-Za-z]+/.exec(line)?.[0] ?? '').toUpperCase();
      if (verb === 'EHLO') say(verb, line, `250-mail.test\r\n${isSecure ? '' : '250-STARTTLS\r\n'}250 AUTH PLAIN`);
      else if (verb === 'STARTTLS') {
        if (!/^220/.test(say(verb, line, '220 go ahead') ?? '')) return;
        input.close();
        socket.removeAllListeners('data');
        this.#serve(secured(socket), { ...script, '': null }, true);
      } else if (verb === 'AUTH') {
        mail.credentials = Buffer.from(line.split(' ')[2] ?? '', 'base64').toString();
        say(verb, line, '235 2.7.0 welcome');
      } else if (verb === 'MAIL') {
        mail.from = line;
        say(verb, line, '250 2.1.0 ok');
      } else if (verb === 'RCPT') {
        if (/^250/.test(say(verb, line, '250 2.1.5 ok') ?? '')) mail.to.push(/<(.*)>/.exec(line)?.[1] ?? '');
      } else if (verb === 'DATA') inData = /^354/.test(say(verb, line, '354 go on') ?? '');
      else say(verb, line, '250 ok');
    };
    socket.on('error', () => {});
    say('', '', '220 mail.test ESMTP');
    // Errors of the socket are passed on to it.
    const input = createInterface(socket)
      .on('line', onLine)
      .on('error', () => {});
  }
}

function secured(socket: Socket): Socket {
  const tls = new TLSSocket(socket, { isServer: true, secureContext: createSecureContext(testCertificate) });
  tls.on('error', () => {});
  return tls;
}
