/** What hosts ask each other of networks, on its way through gossip: the last messages of networks.proto. Pure. */
import { decoded, toWire } from './codec.ts';
import { weft } from './generated/weft.js';

const { RouteQuestion, RouteAnswer, GiveQuestion, GiveAnswer } = weft.v1;

/** Serf's names of the questions. */
export const ROUTES_QUESTION = 'weft-routes';
export const GIVE_QUESTION = 'weft-give';
/** Bytes of an answer; Serf's agents take 1024 with all that is around it. */
const ANSWER_LIMIT = 900;
/** Prefixes that can be asked for at once. */
export const PREFIX_LIMIT = 40;

export interface OverlappingRoute {
  readonly prefix: string;
  readonly link: string;
}

export interface Routes {
  readonly routes: readonly OverlappingRoute[];
  /** There are more. */
  readonly cut: boolean;
}

export interface Give {
  /** Of the network. */
  readonly id: string;
  readonly address: string;
  /** Node id of the host that shall give it up. */
  readonly host: string;
}

export interface Given {
  readonly given: boolean;
  /** Who has it, if it is not given. */
  readonly endpoint: string;
}

export function routesQuestion(prefixes: readonly string[]): Uint8Array {
  return RouteQuestion.encode(toWire({ prefixes })).finish();
}

export function prefixesIn(payload: Uint8Array): readonly string[] | undefined {
  return (decoded(payload, RouteQuestion) as { prefixes: string[] } | undefined)?.prefixes;
}

/** As many as there is room for. */
export function routesAnswer(routes: readonly OverlappingRoute[]): Uint8Array {
  for (let length = routes.length; ; length = length >> 1) {
    const some = { routes: routes.slice(0, length), cut: length < routes.length };
    const bytes = RouteAnswer.encode(toWire(some)).finish();
    if (bytes.length <= ANSWER_LIMIT || length === 0) return bytes;
  }
}

export function routesIn(payload: Uint8Array): Routes | undefined {
  return decoded(payload, RouteAnswer) as Routes | undefined;
}

export function giveQuestion(give: Give): Uint8Array {
  return GiveQuestion.encode(toWire(give)).finish();
}

export function giveIn(payload: Uint8Array): Give | undefined {
  return decoded(payload, GiveQuestion) as Give | undefined;
}

export function giveAnswer(given: Given): Uint8Array {
  const { endpoint } = given;
  return GiveAnswer.encode(toWire({ ...given, endpoint: endpoint.slice(0, 200) })).finish();
}

export function givenIn(payload: Uint8Array): Given | undefined {
  return decoded(payload, GiveAnswer) as Given | undefined;
}
