/**
 * How a container runtime calls a plugin (SPEC.md of containernetworking/cni, versions 0.3.1 to 1.1.0): environment and
 * standard input in, a typed call or a CniError out. Pure.
 */
import { CniError, shown } from './error.ts';
import {
  fieldIn,
  fieldsIn,
  flagIn,
  objectIn,
  objectsIn,
  textIn,
  textsIn,
  type Fields,
} from './fields.ts';

export const VERSIONS = ['0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
export type Version = (typeof VERSIONS)[number];
/** Of answers to whoever asks in none that is known. */
export const NEWEST: Version = '1.1.0';

/** Since when there are they. */
const SINCE = {
  ADD: '0.3.1',
  DEL: '0.3.1',
  CHECK: '0.4.0',
  GC: '1.1.0',
  STATUS: '1.1.0',
} as const satisfies Record<string, Version>;
type Verb = keyof typeof SINCE;

/** Of standard input, in bytes. */
export const INPUT_LIMIT = 1 << 20;
/** Each is 24 bytes at least. */
const VALID_LIMIT = INPUT_LIMIT / 24;
const DEFAULT_NETWORK = 'default';
const DEFAULT_SOCKET = '/run/weft/weft.sock';

/** Names of configurations, and ids of containers; weftd has no room for longer ones. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
/** linux dev_valid_name. */
const LINK = /^(?!\.{1,2}$)[^\s/:]{1,15}$/;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Configuration {
  readonly version: Version;
  readonly name: string;
  /** That it joins: one of weft's. */
  readonly network: string;
  /** Of weftd. */
  readonly socket: string;
}

/** An interface of a container. */
export interface Attachment {
  readonly container: string;
  readonly link: string;
}

/** What is asked for beside it. */
export interface Wishes {
  readonly addresses: readonly string[];
  readonly mac: string | undefined;
  /** As they come. */
  readonly names: readonly string[];
  readonly isDefaultGateway: boolean;
  readonly dns: Dns;
}

/** Empty lists: none are asked for. */
export interface Dns {
  readonly servers: readonly string[];
  readonly domain: string | undefined;
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

/** The result of the plugins before this one, or of ADD; what is in its entries is left as it is. */
export interface Previous {
  readonly interfaces: readonly Fields[];
  readonly ips: readonly Fields[];
  readonly routes: readonly Fields[];
  readonly dns: Fields;
}

export type Call =
  | { readonly verb: 'VERSION'; readonly version: Version }
  | { readonly verb: 'STATUS'; readonly config: Configuration }
  | {
      readonly verb: 'GC';
      readonly config: Configuration;
      readonly valid: readonly Attachment[];
    }
  | { readonly verb: 'DEL'; readonly config: Configuration; readonly attachment: Attachment }
  | {
      readonly verb: 'ADD';
      readonly config: Configuration;
      readonly attachment: Attachment;
      readonly namespace: string;
      readonly wishes: Wishes;
      readonly previous: Previous | undefined;
    }
  | {
      readonly verb: 'CHECK';
      readonly config: Configuration;
      readonly attachment: Attachment;
      readonly namespace: string;
      readonly previous: Previous;
    };

/** Throws a CniError. */
export function parseCall(env: Environment, input: string): Call {
  const verb = verbIn(env);
  if (verb === 'VERSION') return { verb, version: versionIn(input) };
  const fields = fieldsIn(input);
  const config = configurationIn(fields, verb);
  switch (verb) {
    case 'STATUS':
      return { verb, config };
    case 'GC':
      return { verb, config, valid: validIn(fields) };
    case 'DEL':
      return { verb, config, attachment: attachmentIn(env) };
    case 'ADD': {
      const [attachment, namespace] = [attachmentIn(env), namespaceIn(env)];
      const wishes = wishesIn(fields, config, argumentsIn(env));
      return { verb, config, attachment, namespace, wishes, previous: previousIn(fields) };
    }
    case 'CHECK': {
      const [attachment, namespace] = [attachmentIn(env), namespaceIn(env)];
      const previous = previousIn(fields);
      if (previous === undefined)
        throw new CniError('config', 'CHECK needs the "prevResult" of the ADD');
      return { verb, config, attachment, namespace, previous };
    }
  }
}

/** What is answered in: as asked, if it is known. Never throws. */
export function versionIn(input: string): Version {
  try {
    const asked = fieldIn(fieldsIn(input), 'cniVersion');
    return VERSIONS.find((version) => version === asked) ?? NEWEST;
  } catch {
    return NEWEST;
  }
}

// ---- the environment ----

function verbIn(env: Environment): Verb | 'VERSION' {
  const text = env['CNI_COMMAND'] ?? '';
  if (text === 'VERSION' || Object.hasOwn(SINCE, text)) return text as Verb | 'VERSION';
  const known = [...Object.keys(SINCE), 'VERSION'].join(', ');
  throw environment(
    text === '' ? 'CNI_COMMAND is missing' : `CNI_COMMAND is ${shown(text)}`,
    `this is a plugin that container runtimes call, with one of ${known}`,
  );
}

function attachmentIn(env: Environment): Attachment {
  const [container, link] = [env['CNI_CONTAINERID'] ?? '', env['CNI_IFNAME'] ?? ''];
  if (!NAME.test(container))
    throw environment(
      `CNI_CONTAINERID ${shown(container)} is no id of a container`,
      'it begins with a letter or digit, and has only these, dots, hyphens and underscores, 128 at most',
    );
  if (!isLink(link))
    throw environment(
      `CNI_IFNAME ${shown(link)} is no name of an interface`,
      'it has 15 bytes at most, without blanks, slashes and colons',
    );
  return { container, link };
}

function isLink(text: string): boolean {
  return LINK.test(text) && Buffer.byteLength(text) <= 15;
}

function namespaceIn(env: Environment): string {
  const path = env['CNI_NETNS'] ?? '';
  if (path.startsWith('/') && !path.includes('\0')) return path;
  throw environment(`CNI_NETNS ${shown(path)} is no path`, 'it is one that begins with a slash');
}

/** `KEY=VALUE;KEY=VALUE` */
function argumentsIn(env: Environment): ReadonlyMap<string, string> {
  const parts = (env['CNI_ARGS'] ?? '').split(';').filter((part) => part !== '');
  return new Map(
    parts.map((part) => {
      const at = part.indexOf('=');
      if (at > 0) return [part.slice(0, at), part.slice(at + 1)];
      throw environment(`CNI_ARGS has ${shown(part)}`, 'it is KEY=VALUE, with ; between them');
    }),
  );
}

function environment(message: string, details: string): CniError {
  return new CniError('environment', message, details);
}

// ---- the configuration ----

function configurationIn(fields: Fields, verb: Verb): Configuration {
  const asked = textIn(fields, 'cniVersion');
  const version = VERSIONS.find((each) => each === asked);
  if (version === undefined)
    throw new CniError(
      'version',
      asked === undefined
        ? 'the configuration has no "cniVersion"'
        : `cniVersion ${shown(asked)} is not known here`,
      `known are ${VERSIONS.join(', ')}`,
    );
  if (VERSIONS.indexOf(version) < VERSIONS.indexOf(SINCE[verb]))
    throw new CniError('version', `there is no ${verb} before cniVersion ${SINCE[verb]}`);
  const name = textIn(fields, 'name') ?? '';
  if (!NAME.test(name))
    throw new CniError('config', `"name" ${shown(name)} is no name of a network configuration`);
  const socket = textIn(fields, 'socket') ?? DEFAULT_SOCKET;
  return { version, name, network: textIn(fields, 'network') ?? DEFAULT_NETWORK, socket };
}

/** What the runtime says counts before what the configuration does. */
function wishesIn(
  fields: Fields,
  { name }: Configuration,
  given: ReadonlyMap<string, string>,
): Wishes {
  const runtime = objectIn(fields, 'runtimeConfig');
  const lists = [textsIn(runtime, 'ips'), textOrTexts(given.get('IP')), addressesIn(fields)];
  const addresses = lists.find(({ length }) => length > 0) ?? [];
  const pod = given.get('K8S_POD_NAME') ?? '';
  return {
    addresses: addresses.map((text) => text.replace(/\/\d+$/, '')),
    mac: textIn(runtime, 'mac') ?? (given.get('MAC') || textIn(fields, 'mac')),
    names: [...(pod === '' ? [] : [pod]), ...aliasesIn(runtime, name)],
    isDefaultGateway: flagIn(fields, 'isDefaultGateway') ?? true,
    dns: dnsIn(objectIn(fields, 'dns'), objectIn(runtime, 'dns')),
  };
}

/** A list (CONVENTIONS.md); Podman has one for each network. */
function aliasesIn(runtime: Fields, name: string): readonly string[] {
  const aliases = fieldIn(runtime, 'aliases');
  if (typeof aliases !== 'object' || Array.isArray(aliases)) return textsIn(runtime, 'aliases');
  return textsIn(objectIn(runtime, 'aliases'), name);
}

function textOrTexts(text: string | undefined): readonly string[] {
  return text === undefined ? [] : text.split(',').filter((each) => each !== '');
}

/** `ip`: one, or a list. */
function addressesIn(fields: Fields): readonly string[] {
  return Array.isArray(fieldIn(fields, 'ip'))
    ? textsIn(fields, 'ip')
    : textOrTexts(textIn(fields, 'ip'));
}

/** The two have different words for the same (CONVENTIONS.md, "Dynamic Plugin specific fields"). */
function dnsIn(configured: Fields, runtime: Fields): Dns {
  const first = (...lists: readonly (readonly string[])[]): readonly string[] =>
    lists.find(({ length }) => length > 0) ?? [];
  return {
    servers: first(textsIn(runtime, 'servers'), textsIn(configured, 'nameservers')),
    domain: textIn(configured, 'domain'),
    searches: first(textsIn(runtime, 'searches'), textsIn(configured, 'search')),
    options: first(textsIn(runtime, 'options'), textsIn(configured, 'options')),
  };
}

function previousIn(fields: Fields): Previous | undefined {
  if (fieldIn(fields, 'prevResult') === undefined) return undefined;
  const result = objectIn(fields, 'prevResult');
  return {
    interfaces: objectsIn(result, 'interfaces'),
    ips: objectsIn(result, 'ips'),
    routes: objectsIn(result, 'routes'),
    dns: objectIn(result, 'dns'),
  };
}

/** Without the list nothing is known to be valid, and nothing to be garbage. */
function validIn(fields: Fields): readonly Attachment[] {
  const key = 'cni.dev/valid-attachments';
  if (fieldIn(fields, key) === undefined)
    throw new CniError('config', `GC needs the list "${key}"`);
  return objectsIn(fields, key, VALID_LIMIT).map((each) => ({
    container: textIn(each, 'containerID') ?? '',
    link: textIn(each, 'ifname') ?? '',
  }));
}
