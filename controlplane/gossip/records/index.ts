/** Face of the record table: small records of all hosts at every host. Pure. */
export { Records } from './records.ts';
export { RECORD_LIMIT, type GossipRecord } from './record.ts';
export { RECORDS, type RecordSettings } from './settings.ts';
export type { Change } from './table.ts';
