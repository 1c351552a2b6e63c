export const frameHeadBytes = 9;

export const frameType = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
} as const;
export const frameFlag = { ack: 1, endStream: 1, endHeaders: 4 } as const;

type Frame = { type: number; flags: number; streamId: number; payload: Uint8Array };

export function encodeFrame({ type, flags, streamId, payload }: Frame): Buffer {
  const frame = Buffer.alloc(frameHeadBytes + payload.byteLength);
  frame.writeUIntBE(payload.byteLength, 0, 3);
  frame[3] = type;
  frame[4] = flags;
  frame.writeUInt32BE(streamId, 5);
  frame.set(payload, frameHeadBytes);
  return frame;
}

const settingInitialWindow = 4;
const windowMax = 2 ** 31 - 1;

/** What a client sends first: the preface, and windows so large that the server never waits for one. */
export function clientPreface(): Buffer {
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(settingInitialWindow, 0);
  settings.writeUInt32BE(windowMax, 2);
  return Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    encodeFrame({ type: frameType.settings, flags: 0, streamId: 0, payload: settings }),
    windowUpdate(windowMax - 65_535),
  ]);
}

/** Lets the server send so many more bytes on the connection. */
export function windowUpdate(bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return encodeFrame({ type: frameType.windowUpdate, flags: 0, streamId: 0, payload });
}

/**
 * The HPACK blocks of a gRPC request: the first on a connection puts its fields into the dynamic table, every further
 * one only points at them, as the encoders of real clients do.
 */
export function requestHeaderBlocks(path: string): { first: Buffer; further: Buffer } {
  // :method POST and :scheme http stand in the static table.
  const fixed = [0x83, 0x86];
  const pathIndex = 4;
  const authorityIndex = 1;
  const contentTypeIndex = 31;
  const userAgentIndex = 58;
  const fields: Buffer[] = [
    indexedName(pathIndex, path),
    indexedName(authorityIndex, '127.0.0.1'),
    indexedName(contentTypeIndex, 'application/grpc'),
    newName('te', 'trailers'),
    newName('grpc-accept-encoding', 'identity,deflate,gzip'),
    indexedName(userAgentIndex, 'grpc-node-js/1.14.7'),
  ];
  // The newest entry of the dynamic table is number 62.
  const pointers = fields.map((_, index) => 0x80 | (62 + fields.length - 1 - index));
  return { first: Buffer.concat([Buffer.from(fixed), ...fields]), further: Buffer.from([...fixed, ...pointers]) };
}

function indexedName(index: number, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40 | index]), text(value)]);
}

function newName(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), text(name), text(value)]);
}

/** Without Huffman coding; up to 126 bytes. */
function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
}
