/** Named ports in words: `http:80`, `dns:53/udp`. Pure. */
import { isLabel } from './label.ts';
import { PROTOCOLS, type NamedPort } from './records.ts';

/** Undefined for what is none; without a protocol it is tcp. */
export function parsePort(text: string): NamedPort | undefined {
  const [, name = '', number = '', word = 'tcp'] =
    /^([^:]+):(\d{1,5})(?:\/([a-z]+))?$/.exec(text) ?? [];
  const protocol = PROTOCOLS.find((known) => known === word);
  const port = Number(number);
  if (!isLabel(name) || protocol === undefined || port < 1 || port > 65_535) return undefined;
  return { name, protocol, port };
}

export function portText({ name, port, protocol }: NamedPort): string {
  return `${name}:${port}/${protocol}`;
}
