import type { DescService, Message } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { codeToString } from '@connectrpc/connect/protocol-connect';
import { createConnectTransport, createGrpcTransport } from '@connectrpc/connect-node';
import { fieldOf } from '../../server/service/call-error.ts';

/** A client whose unary calls are looked up by name. */
export type AnyClient = Record<string, (request: object) => Promise<Message>>;

/** Clients of a service over Connect (JSON and binary) and gRPC. */
export function clientsOf(service: DescService, { url }: { url: string }): Record<string, AnyClient> {
  const json = createConnectTransport({ baseUrl: url, httpVersion: '1.1', useBinaryFormat: false });
  const binary = createConnectTransport({ baseUrl: url, httpVersion: '1.1', useBinaryFormat: true });
  const transports = { json, binary, grpc: createGrpcTransport({ baseUrl: url }) };
  const clients = Object.entries(transports).map(([name, transport]) => [name, createClient(service, transport)]);
  return Object.fromEntries(clients);
}

export type RestCall = { method: string; path: string; type?: string; body?: string | Uint8Array<ArrayBuffer> };

export function send({ url }: { url: string }, { method, path, type, body }: RestCall): Promise<Response> {
  const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
  return fetch(url + path, { method, headers, ...(body === undefined ? {} : { body }) });
}

export const json = (method: string, path: string, value: unknown): RestCall => ({
  method,
  path,
  type: 'application/json',
  body: JSON.stringify(value),
});
export const form = (method: string, path: string, text: string): RestCall => ({
  method,
  path,
  type: 'application/x-www-form-urlencoded',
  body: text,
});
export const bare = (method: string, path: string): RestCall => ({ method, path });

export type Told = { status: number; code: string; field: string | undefined; message: string };

/** What a REST client was told. */
export async function told(response: Response): Promise<Told> {
  const { code, field, message } = (await response.json()) as Told;
  return { status: response.status, code, field, message };
}

/** What another client was told; its codes have no HTTP status. */
export async function toldBy(call: Promise<Message>): Promise<Omit<Told, 'status'>> {
  const error = await call.then(
    () => new ConnectError('served', Code.Unknown),
    (reason) => ConnectError.from(reason),
  );
  return { code: codeToString(error.code), field: fieldOf(error), message: error.rawMessage };
}
