import { createRegistry, type DescExtension, type DescFile, type Registry, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import {
  type ServerReflectionRequest,
  ServerReflection as ServerReflectionV1,
} from '../../gen/ts/grpc/reflection/v1/reflection_pb.ts';
import { ServerReflection as ServerReflectionV1Alpha } from '../../gen/ts/grpc/reflection/v1alpha/reflection_pb.ts';
import { type BoundService, bindService, type ServiceHandlers } from '../service/service-handlers.ts';

type Question = ServerReflectionRequest['messageRequest'];
type Answer =
  | { case: 'fileDescriptorResponse'; value: { fileDescriptorProto: Uint8Array[] } }
  | { case: 'allExtensionNumbersResponse'; value: { baseTypeName: string; extensionNumber: number[] } }
  | { case: 'listServicesResponse'; value: { service: { name: string }[] } }
  | { case: 'errorResponse'; value: { errorCode: number; errorMessage: string } };

/** Server reflection, v1 and v1alpha (the same but for the name), over `services` and everything they refer to. */
export function grpcReflection(services: readonly BoundService[]): BoundService[] {
  const index = new ReflectionIndex([
    ...services.map(({ descriptor }) => descriptor),
    ServerReflectionV1,
    ServerReflectionV1Alpha,
  ]);
  async function* serverReflectionInfo(requests: AsyncIterable<ServerReflectionRequest>): AsyncGenerator<{
    validHost: string;
    originalRequest: Omit<ServerReflectionRequest, '$typeName' | '$unknown'>;
    messageResponse: Answer;
  }> {
    for await (const { host, messageRequest } of requests) {
      const messageResponse = index.answer(messageRequest);
      yield { validHost: host, originalRequest: { host, messageRequest }, messageResponse };
    }
  }
  const handlers = { serverReflectionInfo };
  return [
    bindService(ServerReflectionV1, handlers as ServiceHandlers<typeof ServerReflectionV1>),
    bindService(ServerReflectionV1Alpha, handlers as unknown as ServiceHandlers<typeof ServerReflectionV1Alpha>),
  ];
}

class ReflectionIndex {
  readonly #serviceNames: string[];
  readonly #files = new Map<string, DescFile>();
  readonly #registry: Registry;

  constructor(services: readonly BoundService['descriptor'][]) {
    this.#serviceNames = services.map(({ typeName }) => typeName);
    for (const { file } of services) this.#addFile(file);
    this.#registry = createRegistry(...this.#files.values());
  }

  answer(question: Question): Answer {
    switch (question.case) {
      case 'listServices':
        return { case: 'listServicesResponse', value: { service: this.#serviceNames.map((name) => ({ name })) } };
      case 'fileByFilename':
        return this.#file(this.#files.get(question.value), question.value);
      case 'fileContainingSymbol':
        return this.#file(this.#fileOfSymbol(question.value), question.value);
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = question.value;
        const extension = this.#extensions(containingType).find(({ number }) => number === extensionNumber);
        return this.#file(extension?.file, `extension ${extensionNumber} of ${containingType}`);
      }
      case 'allExtensionNumbersOfType': {
        if (!this.#registry.getMessage(question.value)) return notFound(question.value);
        const extensionNumber = this.#extensions(question.value).map(({ number }) => number);
        return { case: 'allExtensionNumbersResponse', value: { baseTypeName: question.value, extensionNumber } };
      }
      default:
        return refusal(Code.InvalidArgument, 'message_request: is required');
    }
  }

  /** The file and everything it imports: a client then needs to ask only once. */
  #file(file: DescFile | undefined, what: string): Answer {
    if (!file) return notFound(what);
    const fileDescriptorProto = [...withImports(file)].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
    return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
  }

  /** The file of a type, or of a member of one: a method, a field, an enum value. */
  #fileOfSymbol(symbol: string): DescFile | undefined {
    const name = symbol.replace(/^\./, '');
    const found = this.#registry.get(name);
    if (found) return found.file;
    const dot = name.lastIndexOf('.');
    const member = name.slice(dot + 1);
    const parent = this.#registry.get(name.slice(0, Math.max(0, dot)));
    switch (parent?.kind) {
      case 'service':
        return parent.methods.some((method) => method.name === member) ? parent.file : undefined;
      case 'message':
        return [...parent.fields, ...parent.oneofs].some((each) => each.name === member) ? parent.file : undefined;
      case 'enum':
        return parent.values.some((value) => value.name === member) ? parent.file : undefined;
      default:
        return undefined;
    }
  }

  #extensions(typeName: string): DescExtension[] {
    return [...this.#registry].filter(
      (each): each is DescExtension => each.kind === 'extension' && each.extendee.typeName === typeName,
    );
  }

  #addFile(file: DescFile): void {
    if (this.#files.has(file.proto.name)) return;
    this.#files.set(file.proto.name, file);
    file.dependencies.forEach((dependency) => {
      this.#addFile(dependency);
    });
  }
}

function* withImports(file: DescFile, seen = new Set<string>()): Generator<DescFile> {
  if (seen.has(file.proto.name)) return;
  seen.add(file.proto.name);
  yield file;
  for (const dependency of file.dependencies) yield* withImports(dependency, seen);
}

function notFound(what: string): Answer {
  return refusal(Code.NotFound, `${what} is not known here`);
}

function refusal(errorCode: Code, errorMessage: string): Answer {
  return { case: 'errorResponse', value: { errorCode, errorMessage } };
}
