import type { DescMethod } from '@bufbuild/protobuf';
import { type HttpBody, HttpBodySchema } from '../../gen/ts/google/api/httpbody_pb.ts';
import { restJson } from './codec/rest-json.ts';

/** What a REST answer carries. */
export type RestBody = { contentType: string; body: string | Uint8Array };

export type RestWriter = (answer: object) => RestBody;

export const jsonType = 'application/json; charset=utf-8';

/** Encodes the whole output of a method, or only the field that `response_body` names; a google.api.HttpBody is sent as it is. */
export function restWriter(method: DescMethod, responseBody: string): RestWriter {
  if (responseBody === '') {
    const encode = restJson(method.output);
    return (answer) => ({ contentType: jsonType, body: encode(answer) });
  }
  const field = method.output.fields.find(({ name }) => name === responseBody);
  if (field?.fieldKind !== 'message') throw new Error(`${method.name}: response_body must name a message field`);
  const fieldOf = (answer: object) => (answer as Record<string, object | undefined>)[field.localName];
  if (field.message.typeName === HttpBodySchema.typeName) return (answer) => rawBody(fieldOf(answer));
  const encode = restJson(field.message);
  return (answer) => {
    const value = fieldOf(answer);
    return { contentType: jsonType, body: value === undefined ? 'null' : encode(value) };
  };
}

function rawBody(value: object | undefined): RestBody {
  const { contentType = '', data = new Uint8Array() } = (value ?? {}) as Partial<HttpBody>;
  return { contentType: contentType || 'application/octet-stream', body: data };
}
