/** An interface of a container as an endpoint of weft: by which id and target it is known, and what is asked for. Pure. */
import { createHash } from 'node:crypto';
import type { Attach } from '../controlplane/api/endpoint-model.ts';
import { isName, labelFrom } from '../controlplane/names/label.ts';
import type { Attachment, Call, Configuration } from './protocol.ts';

/** The same interface has the same one, so that ADD may be repeated and DEL needs no namespace. */
export function idOf({ name }: Configuration, { container, link }: Attachment): string {
  // None of the three has a slash.
  const hash = createHash('sha256').update(`${name}/${container}/${link}`);
  return hash.digest('hex').slice(0, 16);
}

export function attachOf({
  config,
  attachment,
  namespace,
  wishes,
}: Extract<Call, { readonly verb: 'ADD' }>): Attach {
  const { addresses, mac = '', isDefaultGateway } = wishes;
  return {
    id: idOf(config, attachment),
    target: `${targetOf(config, attachment)}${namespace}`,
    network: config.network,
    names: namesFrom(wishes.names),
    addresses,
    gateway: isDefaultGateway ? '' : 'none',
    link: attachment.link,
    mac,
    resolver: false,
    dnsInside: false,
    ports: [],
    links: [],
  };
}

/** Before the path of its namespace. */
function targetOf({ name }: Configuration, { container, link }: Attachment): string {
  return `cni:${name}/${container}/${link}`;
}

/** Of an endpoint that was made under this configuration; undefined: it was not. */
export function attachmentOf({ name }: Configuration, target: string): Attachment | undefined {
  const begin = `cni:${name}/`;
  if (!target.startsWith(begin)) return undefined;
  const [container = '', link = ''] = target.slice(begin.length).split('/');
  return { container, link };
}

/** Pods and containers may be called what no name may be. */
function namesFrom(texts: readonly string[]): readonly string[] {
  const names = texts.flatMap((text) => {
    const name = text.toLowerCase();
    return isName(name) ? name : (labelFrom(text) ?? []);
  });
  return [...new Set(names)];
}
