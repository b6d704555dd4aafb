import { describe, expect, it } from 'vitest'
import { blockBytes, encodeBlockTable } from '../../packages/asofdb/src/checkpoint/block-table.ts'
import {
  checkpointFormatVersion,
  encodeCheckpointHeader,
  hexToBytes,
} from '../../packages/asofdb/src/checkpoint/checkpoint-file.ts'
import {
  checkpointDirectoryName,
  checkpointFileName,
  logDirectoryName,
  rootNameKind,
} from '../../packages/asofdb/src/checkpoint/directory-names.ts'
import {
  encodeManifest,
  manifestFormatVersion,
} from '../../packages/asofdb/src/checkpoint/manifest.ts'
import {
  encodeOwner,
  encodePaths,
  pathsFormatVersion,
} from '../../packages/asofdb/src/checkpoint/paths-file.ts'
import {
  sectionNames,
  sectionRecord,
  unitBytes,
} from '../../packages/asofdb/src/checkpoint/sections.ts'
import { batchFormat, eventFlags } from '../../packages/asofdb/src/commit/batch.ts'
import { compressionNumber } from '../../packages/asofdb/src/encoding/compression.ts'
import {
  encodeImageHeader,
  imageFields,
  imageFormatVersion,
  imageHeaderBytes,
} from '../../packages/asofdb/src/checkpoint/index-image.ts'
import { keyTag } from '../../packages/asofdb/src/encoding/sortable.ts'
import { valueTag } from '../../packages/asofdb/src/encoding/value-format.ts'
import { describeSelf } from '../../packages/asofdb/src/host/node-lock.ts'
import { recordFields } from '../../packages/asofdb/src/log/record.ts'
import {
  segmentFields,
  segmentFormatVersion,
  segmentName,
} from '../../packages/asofdb/src/log/segment.ts'
import { removalKinds } from '../../packages/asofdb/src/versions/removals.ts'
import { cell, Document, type TableRow } from './document.ts'

const document = new Document('docs/file-formats.md')
const fieldColumns = ['Offset', 'Size', 'Field', 'Meaning']
const versionColumns = ['File', 'Format version', 'Where it stands']

function fieldsUnder(heading: string, nth: number = 0) {
  return document.table(heading, fieldColumns, nth).map((row) => ({
    name: cell(row, 'Field'),
    offset: Number(cell(row, 'Offset')),
    size: Number(cell(row, 'Size')),
    meaning: cell(row, 'Meaning'),
  }))
}

/** Names and numbers of a table of tags. */
function tagsUnder(heading: string, columns: readonly string[]): Record<string, number> {
  const rows = document.table(heading, columns)
  return Object.fromEntries(rows.map((row) => [cell(row, 'Name'), Number(cell(row, 'Tag'))]))
}

describe('the document of the file formats', () => {
  it('has the fields of a record as the codec has them', () => {
    expect(fieldsUnder('## Record')).toEqual(recordFields)
  })

  it('has the fields of the header of a segment as the codec has them', () => {
    expect(fieldsUnder('## Segment')).toEqual(segmentFields)
  })

  it('has the format versions that are written', () => {
    const rows = document.table('## Format versions', versionColumns)
    const versions = rows.map((row) => [cell(row, 'File'), Number(cell(row, 'Format version'))])
    expect(Object.fromEntries(versions)).toEqual({
      manifest: manifestFormatVersion,
      segment: segmentFormatVersion,
      'checkpoint file': checkpointFormatVersion,
      'index image': imageFormatVersion,
      paths: pathsFormatVersion,
      owner: pathsFormatVersion,
      batch: batchFormat,
    })
  })

  it('has the tags of values and of keys', () => {
    expect(tagsUnder('## Values', ['Tag', 'Name', 'Value', 'Body'])).toEqual(valueTag)
    expect(tagsUnder('## Keys', ['Tag', 'Name', 'What follows'])).toEqual(keyTag)
  })

  it('has the flags of an event', () => {
    const rows = document.table('## Batch', ['Bits of the flags', 'Name', 'Mean'])
    const masks = rows.flatMap((row): [string, number][] => {
      const [first = 0, last = first] = cell(row, 'Bits of the flags').split(' to ').map(Number)
      const mask = 2 ** (last + 1) - 2 ** first
      return cell(row, 'Name') === '' ? [] : [[cell(row, 'Name'), mask]]
    })
    expect(Object.fromEntries(masks)).toEqual(eventFlags)
  })

  it('has the kinds of removals with their numbers', () => {
    const rows = document.table('## Batch', ['Number', 'Removal', 'Subject', 'Sequence'])
    expect(rows.map((row) => cell(row, 'Removal'))).toEqual(removalKinds)
    expect(rows.map((row) => Number(cell(row, 'Number')))).toEqual(removalKinds.map((_, at) => at))
  })

  it('has the sections of a checkpoint file with their units', () => {
    const rows = document.table('## Checkpoint file', ['Number', 'Section', 'Bytes a unit', 'Unit'])
    expect(rows.map((row) => cell(row, 'Section'))).toEqual(sectionNames)
    const numbers = rows.map((row) => Number(cell(row, 'Number')))
    expect(numbers).toEqual(sectionNames.map((_, at) => at + 1))
    const sizes = rows.map((row) => [cell(row, 'Section'), cell(row, 'Bytes a unit')] as const)
    const [symbols, ...units] = sizes
    expect(symbols).toEqual(['symbols', ''])
    const given = units.map(([name, size]) => [name, Number(size)])
    expect(Object.fromEntries(given)).toEqual(unitBytes)
  })
})

/** A header whose every number is another one. */
function checkpointHeader() {
  const databaseId = '000102030405060708090a0b0c0d0e0f'
  const sections = sectionNames.map((name, index) => {
    const base = (index + 1) * 100
    const place = { offset: base + 3, length: base + 4 }
    return { name, checksum: base, from: base + 1, to: base + 2, ...place }
  })
  const numbers = { generation: 61, fromSequence: 62, toSequence: 63 }
  return { databaseId, sections, compression: 'deflate', ...numbers } as const
}

function numberAt(bytes: Uint8Array, field: { offset: number; size: number }): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return field.size === 8
    ? Number(view.getBigUint64(field.offset, true))
    : view.getUint32(field.offset, true)
}

describe('the tables of the header of a checkpoint file', () => {
  const header = checkpointHeader()
  const { bytes, checksum } = encodeCheckpointHeader(header)

  it('say where the encoder puts each number', () => {
    const fields = fieldsUnder('## Checkpoint file')
    expect(fields.map(({ offset }) => offset)).toEqual(endsOf(fields, 0).slice(0, -1))
    const [magic, ...numbered] = fields
    expect([...bytes.subarray(0, magic?.size)]).toEqual([...Buffer.from('AsOfCkp\0')])
    const found = numbered.map((field) => [
      field.name,
      field.size === 16
        ? [...bytes.subarray(field.offset, field.offset + 16)]
        : numberAt(bytes, field),
    ])
    expect(Object.fromEntries(found)).toEqual({
      formatVersion: checkpointFormatVersion,
      headerBytes: bytes.length,
      databaseId: [...hexToBytes(header.databaseId)],
      generation: 61,
      fromSequence: 62,
      toSequence: 63,
      sectionCount: sectionNames.length,
      compression: 2,
    })
  })

  it('say where it puts the entries, and the checksum behind them', () => {
    const start = endsOf(fieldsUnder('## Checkpoint file'), 0).at(-1) ?? 0
    const fields = fieldsUnder('## Checkpoint file', 1)
    const entryBytes = endsOf(fields, 0).at(-1) ?? 0
    for (const [index, { name: _, ...section }] of header.sections.entries()) {
      const at = start + index * entryBytes
      const found = fields.map((field) => [
        field.name,
        numberAt(bytes, { ...field, offset: at + field.offset }),
      ])
      expect(Object.fromEntries(found)).toEqual({ section: index + 1, ...section })
    }
    const trailer = start + sectionNames.length * entryBytes
    expect(numberAt(bytes, { offset: trailer, size: 4 })).toBe(0)
    expect(numberAt(bytes, { offset: trailer + 4, size: 4 })).toBe(checksum)
    expect(bytes.length).toBe(trailer + 8)
  })
})

describe('the table of the blocks of a compressed section', () => {
  it('says where the encoder puts each number', () => {
    const fields = fieldsUnder('## Checkpoint file', 2)
    const blocks = [
      { length: 700, checksum: 61 },
      { length: 800, checksum: 62 },
    ]
    const table = { rawBytes: blockBytes + 5000, blocks }
    const bytes = encodeBlockTable(table)
    const numbers = fields.map((field) => [field.name, numberAt(bytes, field)])
    const [first, second] = blocks
    expect(Object.fromEntries(numbers)).toEqual({ rawBytes: table.rawBytes, ...first })
    const next = fields.slice(1).map(({ name, offset, size }) => {
      return [name, numberAt(bytes, { offset: offset + 8, size })]
    })
    expect(Object.fromEntries(next)).toEqual(second)
    expect(bytes.length).toBe(24)
    expect(document.text).toContain(`A block holds ${blockBytes.toLocaleString('en-US')} bytes`)
  })

  it('has the numbers of the compressions', () => {
    const [, compression] = /\| compression \| of the sections: (.*) \|/.exec(document.text) ?? []
    const names = Object.entries(compressionNumber).map(([name, at]) => `${at} ${name}`)
    expect(compression?.toLowerCase()).toBe(names.join(', '))
  })
})

describe('the tables of an index image', () => {
  it('have the fields of the header as the codec has them', () => {
    expect(fieldsUnder('## Index image')).toEqual(imageFields)
  })

  it('say where the encoder puts each number', () => {
    const numbers = { sequence: 61, rows: 62, rewrites: 63, removals: 64, commitsChecksum: 65 }
    const sections = [{ length: 71, checksum: 72 }]
    const what = { databaseId: '0f'.repeat(16), kind: 'key', indexFormat: 66 } as const
    const bytes = encodeImageHeader({ ...what, ...numbers, name: 'keys', sections })
    const fields = fieldsUnder('## Index image').filter(({ size }) => size < 16)
    const found = fields.slice(1).map((field) => [field.name, numberAt(bytes, field)])
    expect(Object.fromEntries(found)).toEqual({
      formatVersion: imageFormatVersion,
      headerBytes: imageHeaderBytes('keys', 1),
      ...numbers,
      kind: 2,
      indexFormat: 66,
      sections: 1,
      nameBytes: 4,
    })
    const start = endsOf(fieldsUnder('## Index image'), 0).at(-1) ?? 0
    expect(Buffer.from(bytes.subarray(start, start + 4)).toString()).toBe('keys')
    const entry = fieldsUnder('## Index image', 1).map((field) => [
      field.name,
      numberAt(bytes, { ...field, offset: start + 4 + field.offset }),
    ])
    expect(Object.fromEntries(entry)).toEqual({ length: 71, checksum: 72, reserved: 0 })
    expect(bytes.length).toBe(start + 4 + 16 + 4)
  })
})

/** Where each field ends, the start first: without gaps these are the offsets. */
function endsOf(fields: readonly { size: number }[], start: number): number[] {
  const ends = [start]
  for (const { size } of fields) ends.push((ends.at(-1) ?? 0) + size)
  return ends
}

describe('the names in the document', () => {
  it('are those that the code makes and knows', () => {
    const segment = segmentName({ firstSequence: 1, epoch: 1 })
    expect(document.text).toContain(`  ${logDirectoryName}/${segment} `)
    expect(document.text).toContain(`  ${checkpointDirectoryName}/${checkpointFileName(1)} `)
    const rows = document.table('## The directory', ['Name', 'Is', 'If a crash left it behind'])
    const names = rows
      .flatMap((row) => cell(row, 'Name').replaceAll('`', '').split(', '))
      .filter((name) => !name.includes('/'))
    expect(names.map((name) => rootNameKind(name.replace('*', 'x')))).toEqual([
      'manifest',
      'previousManifest',
      'temporary',
      'temporary',
      'paths',
      'temporary',
      'lock',
      'lock',
    ])
  })

  it('of the members of the manifest are those that are written', () => {
    const rows = document.table('## Manifest', ['Member', 'Holds'])
    const bytes = encodeManifest(sampleManifest())
    const [, ...body] = Buffer.from(bytes).toString().split('\n')
    const written: unknown = JSON.parse(body.join('\n'))
    expect(rows.map((row) => cell(row, 'Member')).sort()).toEqual(membersOf(written))
    expectMentioned(rows, 'files', (written as { files: object[] }).files[0])
    const { log } = written as { log: { segments: object[] } }
    expectMentioned(rows, 'log', log)
    expectMentioned(rows, 'log', log.segments[0])
  })

  it('of the members of the files of other directories are those that are written', () => {
    const id = '00112233445566778899aabbccddeeff'
    const elsewhere = { log: '/fast/log', checkpoint: '../points' }
    const written = [
      ['PATHS', encodePaths({ id, elsewhere })],
      ['OWNER', encodeOwner({ id, holds: 'log', directory: '/db' })],
    ] as const
    for (const [name, bytes] of written) {
      const rows = document.table('## Other directories', [`Member of ${name}`, 'Holds'])
      const [line = '', ...body] = Buffer.from(bytes).toString().split('\n')
      expect(line).toMatch(new RegExp(`^asofdb ${name.toLowerCase()} 1 [0-9a-f]{8}$`))
      const members = rows.map((row) => cell(row, `Member of ${name}`))
      expect(members.sort()).toEqual(membersOf(JSON.parse(body.join('\n'))))
    }
    const rows = document
      .table('## Other directories', ['Member of PATHS', 'Holds'])
      .map((row) => ({ Member: cell(row, 'Member of PATHS'), Holds: cell(row, 'Holds') }))
    expectMentioned(rows, 'elsewhere', elsewhere)
  })

  it('of the members of the lock are those that are written', async () => {
    const rows = document.table('## The lock', ['Member', 'Holds'])
    const record = await describeSelf({ pid: process.pid, hostName: 'here', sinceMs: 1 }, '')
    expect(rows.map((row) => cell(row, 'Member')).sort()).toEqual(membersOf(record))
  })
})

function membersOf(found: unknown): string[] {
  return Object.keys(found ?? {}).sort()
}

/** Every member of what is written stands, as code, in the row. */
function expectMentioned(rows: readonly TableRow[], member: string, written: unknown): void {
  const row = rows.find((one) => cell(one, 'Member') === member) ?? {}
  for (const name of membersOf(written)) expect(cell(row, 'Holds')).toContain(`\`${name}\``)
}

function sampleManifest() {
  const zero = sectionRecord(() => 0)
  const file = {
    name: checkpointFileName(1),
    size: 688,
    headerChecksum: 7,
    fromSequence: 0,
    toSequence: 3,
    from: zero,
    to: zero,
  }
  const state = { sequence: 3, files: [file] }
  const segment = { number: 1, epoch: 1, firstSequence: 1, salt: 5n }
  return {
    databaseId: '000102030405060708090a0b0c0d0e0f',
    revision: 1,
    epoch: 1,
    isLogged: true,
    generation: 1,
    settings: { nodesValid: 'now' },
    checkpoint: state,
    previous: { sequence: 0, files: [] },
    segments: [{ ...segment, name: segmentName(segment) }],
    segmentNumber: 1,
    durableSequence: 3,
  }
}
