import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { mergeNonProtocolHeaders } from '@connectrpc/connect/protocol';
import { codeToHttpStatus, errorToJson } from '@connectrpc/connect/protocol-connect';
import { boundErrorText } from '../bound-error-text.ts';
import { binaryWriter } from '../codec/binary-writer.ts';
import { protoJson } from '../codec/proto-json.ts';
import type { CallReceiver } from '../invoker.ts';
import { reviseParseError } from '../parse-error.ts';
import type { CallDeadline } from './call-deadline.ts';
import type { LaneWriter } from './http-lane.ts';
import type { LaneRequest } from './lane-request.ts';
import { acceptedCompression, compressMinBytes } from './response-compression.ts';

/** Answers one call in the Connect protocol. */
export class ConnectReceiver implements CallReceiver {
  readonly #options: ConnectReceiverOptions;

  constructor(options: ConnectReceiverOptions) {
    this.#options = options;
  }

  answer(answer: object): void {
    const { method, binary } = this.#options;
    if (binary) this.#write(200, { 'content-type': 'application/proto' }, binaryWriter(method.output)(answer));
    else this.#write(200, { 'content-type': 'application/json' }, protoJson(method.output)(answer));
  }

  fail(error: ConnectError): void {
    reviseParseError(error);
    boundErrorText(error);
    const headers = new Headers({ 'content-type': 'application/json' });
    mergeNonProtocolHeaders(headers, error.metadata);
    this.#write(
      codeToHttpStatus(error.code),
      Object.fromEntries(headers),
      JSON.stringify(errorToJson(error, undefined)),
    );
  }

  #write(status: number, headers: Record<string, string>, body: string | Uint8Array): void {
    const { request, writer, deadline } = this.#options;
    deadline?.cancel();
    const compression =
      Buffer.byteLength(body) < compressMinBytes ? null : acceptedCompression(request.header('accept-encoding'));
    if (compression === null) {
      writer.write(request, { status, headers, body });
      return;
    }
    compression.compress(typeof body === 'string' ? Buffer.from(body) : body).then(
      (compressed) => {
        headers['content-encoding'] = compression.name;
        writer.write(request, { status, headers, body: compressed });
      },
      () => {
        const error = new ConnectError('internal error', Code.Internal);
        writer.write(request, {
          status: 500,
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(errorToJson(error, undefined)),
        });
      },
    );
  }
}

export type ConnectReceiverOptions = {
  method: DescMethod;
  request: LaneRequest;
  writer: LaneWriter;
  binary: boolean;
  deadline: CallDeadline | null;
};
