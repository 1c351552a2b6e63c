import { create, type DescMessage } from '@bufbuild/protobuf';
import { Edition } from '@bufbuild/protobuf/wkt';

/**
 * Makes messages without a value: a copy is cheaper than a new one, where the copies share nothing that can change. Empty
 * bytes cannot.
 */
export function blankMessage(descriptor: DescMessage): () => Record<string, unknown> {
  const template = create(descriptor) as unknown as Record<string, unknown>;
  const entries = Object.entries(template);
  const lists = entries.filter(([, value]) => Array.isArray(value)).map(([name]) => name);
  const isPlain = entries.every(
    ([, value]) => typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array,
  );
  // Messages of later editions may have a prototype that holds their defaults.
  if (!isPlain || descriptor.file.edition !== Edition.EDITION_PROTO3) {
    return () => create(descriptor) as unknown as Record<string, unknown>;
  }
  if (lists.length === 0) return () => ({ ...template });
  return () => {
    const message = { ...template };
    for (const name of lists) message[name] = [];
    return message;
  };
}
