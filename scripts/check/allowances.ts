/**
 * The exceptions to the tidy rules, each with its reason. An exception that nothing needs any more
 * is a failure too, so this list only ever says what is true.
 */
export type AllowableRule = 'cast' | 'parameters' | 'long-function' | 'long-file'

export interface Allowance {
  readonly rule: AllowableRule
  readonly files: readonly string[]
  /** The function, for rules about functions; without it the whole file. */
  readonly name?: string
  readonly reason: string
}

const encoding = 'packages/asofdb/src/encoding/'
const graph = 'packages/asofdb/src/graph/'
const versions = 'packages/asofdb/src/versions/'

export const allowances: readonly Allowance[] = [
  {
    rule: 'parameters',
    files: ['packages/asofdb/src/transaction.ts'],
    reason: 'a promise of the public API: an edge reads as source, type, target, properties',
  },
  {
    rule: 'parameters',
    files: ['packages/asofdb/src/transfer/restore.ts'],
    name: 'restore',
    reason: 'a promise of the public API: from there into here, as every copy reads',
  },
  {
    rule: 'cast',
    files: [
      `${encoding}bytes.ts`,
      `${encoding}checksum.ts`,
      `${encoding}lz4.ts`,
      `${encoding}text.ts`,
      `${encoding}value-reader.ts`,
      `${graph}payload.ts`,
    ],
    reason: 'decoders: bounds are checked once for a run of bytes, which the types cannot carry',
  },
  {
    rule: 'cast',
    files: [`${encoding}instant.ts`, `${encoding}temporal.ts`],
    reason: 'makers: two halves become one instant; a foreign date is recognised by its fields',
  },
  {
    rule: 'cast',
    files: ['packages/asofdb/src/keys/value-encoding.ts'],
    reason: 'decoder: what an encoding gives is what the types of its caller say',
  },
  {
    rule: 'cast',
    files: [
      `${versions}byte-arena.ts`,
      `${versions}endless-payloads.ts`,
      `${versions}history-index.ts`,
      `${versions}keyspace-index.ts`,
      `${versions}name-sort.ts`,
      `${versions}name-table.ts`,
      `${versions}ordered-cursor.ts`,
      `${versions}payload-slice.ts`,
      `${versions}periods.ts`,
      `${versions}short-histories.ts`,
      `${versions}version-table.ts`,
      `${versions}word-column.ts`,
      'packages/asofdb/src/keys/key-blocks.ts',
    ],
    reason: 'decoders of columns: rows below the count are there; resolution is the hottest loop',
  },
  {
    rule: 'cast',
    files: [
      `${graph}adjacency.ts`,
      `${graph}graph-reader.ts`,
      `${graph}label-index.ts`,
      `${graph}posting-lists.ts`,
      `${graph}settled-edges.ts`,
    ],
    reason: 'decoders of posting lists: positions below the count are there; every edge step pays',
  },
  {
    rule: 'parameters',
    files: [
      `${versions}endless-payloads.ts`,
      `${versions}history-index.ts`,
      `${versions}periods.ts`,
      `${versions}short-histories.ts`,
      `${versions}version-table.ts`,
      `${versions}word-column.ts`,
      `${graph}adjacency.ts`,
      `${graph}payload.ts`,
      `${graph}settled-edges.ts`,
    ],
    reason: 'hot path: an object for each row or step would be most of the work',
  },
  {
    rule: 'parameters',
    files: [`${encoding}bytes.ts`, `${encoding}gregorian.ts`, `${encoding}instant.ts`],
    reason: 'hot path: the halves of an instant, an offset and its byte, a year and its month',
  },
]
