/** protobufjs generates codecs and no services: this makes of a table of methods what grpc-js wants. */
import type { MethodDefinition, ServerMethodDefinition } from '@grpc/grpc-js';
import type { Reader, Writer } from 'protobufjs/minimal.js';

/** The class of a message, as protobufjs generates it: `In` is what it encodes, `Out` what it decodes to. */
export interface MessageType<In extends object, Out extends object> {
  encode(message: In, writer?: Writer): Writer;
  decode(reader: Reader | Uint8Array, length?: number): Out;
}

/** A method as the .proto has it; `…Stream` where it says `stream`. */
export interface Method<
  In extends object,
  Request extends object,
  Reply extends object,
  Out extends object,
> {
  readonly request: MessageType<In, Request>;
  readonly response: MessageType<Reply, Out>;
  readonly requestStream?: boolean;
  readonly responseStream?: boolean;
}

/** The half of grpc-js's MethodDefinition that a client uses. */
type ClientMethod<In, Out> = Pick<
  MethodDefinition<In, Out>,
  'path' | 'requestStream' | 'responseStream' | 'requestSerialize' | 'responseDeserialize'
>;

/** `path` is `/package.Service/Method`. */
export function methodDefinition<
  In extends object,
  Request extends object,
  Reply extends object,
  Out extends object,
>(
  path: string,
  method: Method<In, Request, Reply, Out>,
): ClientMethod<In, Out> & ServerMethodDefinition<Request, Reply> {
  return {
    path,
    requestStream: method.requestStream ?? false,
    responseStream: method.responseStream ?? false,
    requestSerialize: (message) => bytesOf(method.request.encode(message).finish()),
    requestDeserialize: (bytes) => method.request.decode(bytes),
    responseSerialize: (message) => bytesOf(method.response.encode(message).finish()),
    responseDeserialize: (bytes) => method.response.decode(bytes),
  };
}

/** grpc-js wants a Buffer; protobufjs gives one under Node, in a type that does not say so. */
function bytesOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
