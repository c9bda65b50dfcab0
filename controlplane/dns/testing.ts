/** Questions for tests of what answers them. */
import { question, type Asked } from './client.ts';
import { readQuery, type BadQuery, type Query } from './query.ts';

/** As the door has it, for cores. */
export function queryOf(name: string, asked: Asked = {}): Query {
  const bytes = question(name, asked);
  const query = readQuery(bytes, bytes.length);
  if (query?.kind !== 'query') throw new Error(`not a question: ${name}`);
  return query;
}

export function isBad(query: Query | BadQuery | undefined): query is BadQuery {
  return query?.kind === 'bad';
}
