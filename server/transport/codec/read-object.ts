import type { DescMessage, Message } from '@bufbuild/protobuf';
import { MessageReader } from './message-reader.ts';
import { quickReader } from './quick-reader.ts';

/** Reads a message from a JSON object that has no key twice. Throws a ConnectError that names the field at fault. */
export function readObject(descriptor: DescMessage, object: object): Message {
  return quickReader(descriptor).object(object) ?? readStrictly(descriptor, object);
}

function readStrictly(descriptor: DescMessage, object: object): Message {
  const reader = new MessageReader(descriptor);
  reader.setObject(object);
  return reader.finish();
}
