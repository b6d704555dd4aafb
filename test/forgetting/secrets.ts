import type { Database, Host, KeyInput, OpenOptions, Value } from 'asofdb'
import { ByteWriter } from '../../packages/asofdb/src/encoding/bytes.ts'
import { keyToLatin1 } from '../../packages/asofdb/src/encoding/ordered-key.ts'
import { encodeValue } from '../../packages/asofdb/src/encoding/value.ts'
import { RandomStream } from '../../simulation/random.ts'
import { bytesIfThere, filesBelow } from '../simulation/simulated-machine.ts'

/** Segments are short, every index is worth an image, and checkpoints come when asked for. */
export const secretOptions: OpenOptions = {
  segmentBytesMax: 5120,
  checkpointLogBytes: Number.POSITIVE_INFINITY,
  indexImageRowsMin: 1,
}

/** Values that no two databases share, and how each may lie in a file. */
export class Secrets {
  readonly #random: RandomStream
  readonly #needles = new Map<string, Buffer>()

  constructor(seed: string) {
    this.#random = new RandomStream(`secrets ${seed}`)
  }

  text(what: string): string {
    const text = `${what} ${Buffer.from(this.#random.bytes(9)).toString('base64url')}`
    this.#needles.set(`${what} as UTF-8`, Buffer.from(text))
    return this.#value(what, text)
  }

  bytes(what: string): Uint8Array {
    return this.#value(what, this.#random.bytes(16))
  }

  vector(what: string): Float32Array {
    const elements = Array.from({ length: 4 }, () => this.#random.fraction())
    return this.#value(what, Float32Array.from(elements))
  }

  /** A number of 8 random bytes. */
  wide(what: string): bigint {
    const [word = 0n] = new BigInt64Array(this.#random.bytes(8).buffer)
    return this.#value(what, word)
  }

  key<Key extends KeyInput>(what: string, key: Key): Key {
    this.#needles.set(`${what} as a key`, Buffer.from(keyToLatin1(key), 'latin1'))
    return key
  }

  /** Which of them lie in which files of a directory, as `file: secret`. */
  async foundIn({ files }: Pick<Host, 'files'>, directory: string): Promise<string[]> {
    const found: string[] = []
    for (const path of await filesBelow(files, directory)) {
      const content = await bytesIfThere(files, path)
      if (content === undefined) continue
      for (const [what, needle] of this.#needles) {
        if (content.includes(needle)) found.push(`${path.slice(directory.length + 1)}: ${what}`)
      }
    }
    return found
  }

  #value<Given extends Value>(what: string, value: Given): Given {
    const writer = new ByteWriter()
    encodeValue(writer, value, what)
    this.#needles.set(`${what} as a value`, Buffer.from(writer.copy()))
    return value
  }
}

/** What is to be erased, and what is to stay. */
export interface Told {
  readonly person: number
  readonly other: number
  /** Between two nodes that stay. */
  readonly edge: number
  readonly key: KeyInput
  readonly tuple: KeyInput
}

/**
 * Writes secrets of every kind, in versions that hold, that held, and that were corrected, with
 * edges that are there and one that is gone, over several segments, and asks every index for them.
 */
export async function tellSecrets(database: Database, secrets: Secrets): Promise<Told> {
  const always = { valid: 'always' } as const
  await database.write((tx) => {
    tx.createIndex('Person', 'name')
    tx.createUnique('Person', ['mail'])
  })
  const told = await database.write((tx) => {
    const secret = {
      name: secrets.text('name'),
      mail: secrets.text('mail'),
      photo: secrets.bytes('photo'),
      face: secrets.vector('face'),
      account: secrets.wide('account'),
      notes: [{ note: secrets.text('nested note') }],
    }
    const { id: person } = tx.createNode('Person', secret, always)
    const { id: other } = tx.createNode('Person', { name: 'other', mail: 'other' }, always)
    const { id: third } = tx.createNode('Person', { name: 'third', mail: 'third' }, always)
    tx.createEdge(person, 'KNOWS', other, { since: secrets.text('edge out') }, always)
    tx.createEdge(other, 'KNOWS', person, { since: secrets.text('edge in') }, always)
    const { id: edge } = tx.createEdge(other, 'KNOWS', third, { why: secrets.text('edge') }, always)
    const key = secrets.key('key', secrets.text('name of a key'))
    const tuple = secrets.key('tuple', ['user', secrets.text('element of a key'), 7])
    tx.keys('vault').put(key, { held: secrets.text('value') })
    tx.keys('vault').put(tuple, secrets.bytes('value of a tuple'))
    tx.keys('vault').put('stays', 'with us')
    return { person, other, edge, key, tuple }
  })
  const { person, other, edge, key, tuple } = told
  const gone = await database.write((tx) => {
    const { id } = tx.createEdge(person, 'PAYS', other, { sum: secrets.text('gone edge') }, always)
    return id
  })
  for (let round = 0; round < 12; round++) {
    await database.write((tx) => {
      tx.patch(person, { name: secrets.text(`name ${round}`) }, always)
      tx.patch(edge, { why: secrets.text(`edge ${round}`) }, always)
      tx.keys('vault').put(key, secrets.text(`value ${round}`))
      // So much that a segment does not hold it all.
      tx.createNode('Filler', { text: `${round}`.repeat(600) }, always)
    })
  }
  await database.write((tx) => {
    tx.delete(gone, always)
    tx.keys('vault').delete(tuple)
  })
  // The newest segment holds some, too.
  await database.write((tx) => {
    tx.patch(person, { name: secrets.text('last name') }, always)
    tx.keys('vault').put(key, secrets.text('last value'))
  })
  askAll(database, person)
  return told
}

/** Asks every index, so that each is worth an image. */
export function askAll(database: Database, person: number): void {
  for (const name of ['other', 'nobody']) for (const _ of database.nodes('Person', { name })) void _
  for (const mail of ['other', 'nobody']) for (const _ of database.nodes('Person', { mail })) void _
  for (const _ of database.keys('vault').range({})) void _
  void [...database.nodes('Filler'), database.out(person), database.in(person)]
  void [database.targets(person), database.sources(person)]
}
