import { create, type DescMessage } from '@bufbuild/protobuf';
import { Edition } from '@bufbuild/protobuf/wkt';

/** Makes messages without a value: a copy is cheaper than a new one, where the copies share nothing that can change. */
export function blankMessage(descriptor: DescMessage): () => Record<string, unknown> {
  const template = create(descriptor) as unknown as Record<string, unknown>;
  const isPlain = Object.values(template).every((value) => typeof value !== 'object');
  // Messages of later editions may have a prototype that holds their defaults.
  if (isPlain && descriptor.file.edition === Edition.EDITION_PROTO3) return () => ({ ...template });
  return () => create(descriptor) as unknown as Record<string, unknown>;
}
