/** NamesQuestion and NamesAnswer of dns.proto on their way through gossip. Pure. */
import { decoded, toWire } from '../../controlplane/api/codec.ts';
import { weft } from '../../controlplane/api/generated/weft.js';
import type { NamesAnswer, NamesQuestion } from '../../controlplane/dns/check-model.ts';
import { DEPTH, FANOUT } from '../../controlplane/dns/digests.ts';

/** Serf's agents pass on answers of 1024 bytes with all that is around them. */
const ANSWER_LIMIT = 900;

const { NamesAnswer: AnswerMessage, NamesQuestion: QuestionMessage } = weft.v1;

export function questionPayload(question: NamesQuestion): Uint8Array {
  return QuestionMessage.encode(toWire(question)).finish();
}

/** Names that have no room are left out, the last ones first. */
export function answerPayload(answer: NamesAnswer): Uint8Array {
  for (let rest = answer; ; rest = shorter(rest)) {
    const bytes = AnswerMessage.encode(toWire(rest)).finish();
    if (bytes.length <= ANSWER_LIMIT) return bytes;
  }
}

function shorter({ names, amiss, said, ...rest }: NamesAnswer): NamesAnswer {
  return {
    ...rest,
    names: names.slice(0, -1),
    amiss: amiss.slice(0, -1),
    said: said.slice(0, -1),
  };
}

/** Undefined for what is none. */
export function questionIn(payload: Uint8Array): NamesQuestion | undefined {
  const question = decoded(payload, QuestionMessage) as NamesQuestion | undefined;
  if (question === undefined || question.part.length > DEPTH) return undefined;
  return question.part.every((digit) => digit < FANOUT) ? question : undefined;
}

/** Undefined for what is none. */
export function answerIn(payload: Uint8Array): NamesAnswer | undefined {
  return decoded(payload, AnswerMessage) as NamesAnswer | undefined;
}
