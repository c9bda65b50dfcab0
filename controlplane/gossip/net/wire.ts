/** The layers around messages, as this member sends and takes them now: its keys may change at any time. */
import {
  encodePacket,
  encodePing,
  encodeStream,
  decodePacket,
  StreamReader,
  type Keyring,
  type Packet,
  type StreamMessage,
  type Wrapping,
} from '../codec/index.ts';

export interface WireOptions {
  /** Empty for none. */
  readonly label: Uint8Array;
  /** Asked for each packet and stream; empty: plain. */
  readonly keyring: () => Keyring;
  /** 12 bytes that were never given before. */
  readonly nonce: Wrapping['nonce'];
}

/** Who begins a connection, and who answers. */
export type Side = 'dialler' | 'acceptor';

/**
 * From so many bytes on compression is tried. Two or three messages hardly shrink, and trying costs more than sending:
 * a ping or an ack does not shrink at all, 3 alive messages from 269 bytes to 224, 14 of them from 1,252 to 560.
 */
const COMPRESS_FROM = 256;

export class Wire {
  readonly #options: WireOptions;

  constructor(options: WireOptions) {
    this.#options = options;
  }

  /** Throws a RangeError as encodePacket does. */
  packet(parts: readonly Uint8Array[], crc: boolean): Uint8Array {
    const size = parts.reduce((sum, { length }) => sum + length, 0);
    return encodePacket(parts, { ...this.#wrapping(), compress: size >= COMPRESS_FROM, crc });
  }

  /** As encodePing: for measuring what a path carries. */
  ping(seqNo: number, length: number): Uint8Array | undefined {
    return encodePing(seqNo, length, this.#wrapping());
  }

  openPacket(packet: Uint8Array): Packet {
    const { label, keyring } = this.#options;
    return decodePacket(packet, { label, keyring: keyring() });
  }

  /** Throws a RangeError as encodeStream does. */
  stream(message: StreamMessage, sender: Side): Uint8Array {
    const compress = message.kind === 'pushPull' || message.kind === 'user';
    return encodeStream(message, { ...this.#wrapping(), compress, sender });
  }

  /** For what `sender` sends. */
  reader(sender: Side): StreamReader {
    const { label, keyring } = this.#options;
    return new StreamReader({ label, keyring: keyring(), sender });
  }

  #wrapping(): Pick<Wrapping, 'label' | 'keyring' | 'nonce'> {
    const { label, keyring, nonce } = this.#options;
    return { label, keyring: keyring(), nonce };
  }
}
