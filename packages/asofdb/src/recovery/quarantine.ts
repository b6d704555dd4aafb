import { quarantineDirectoryName } from '../checkpoint/directory-names.ts'
import { explainFailure } from '../checkpoint/explain-failure.ts'
import { crc32 } from '../encoding/checksum.ts'
import { isErrno, readFully, writeFully } from '../host/files.ts'
import type { FileSystem, HostFile } from '../host/host.ts'
import { invariant } from '../rules/invariant.ts'
import type { Place } from './inventory.ts'
import { makeIfAbsent } from './repair.ts'
import type { Damage, QuarantinedFile, SkippedCommits } from './report.ts'
import type { Suspect } from './salvage.ts'
import { listIfPresent } from './survey-checkpoint.ts'

const pieceBytes = 1024 * 1024

/** What a disk refuses to read is refused by whole sectors. */
const sectorBytes = 512

export interface QuarantineOptions extends Place {
  readonly suspects: readonly Suspect[]
  readonly damage: readonly Damage[]
  readonly skipped: SkippedCommits
}

/**
 * Copies suspects to `quarantine/NNNN/`, byte for byte, each with a description beside it, and
 * makes the copies durable before anything of the originals is touched. Each repair has a folder of
 * its own, so one that a crash ended leaves copies that are too many, never one too few. Where the
 * disk refuses to read, the copy has zeros, and the description says where.
 */
export async function quarantine(options: QuarantineOptions): Promise<QuarantinedFile[]> {
  const { host, directory } = options
  const { files } = host
  const planned = await planQuarantine(options)
  if (planned.length === 0) return []
  invariant(planned.length <= options.suspects.length, 'nothing is copied twice')
  const folder = parentOf(planned[0]?.path ?? '')
  try {
    await makeIfAbsent(files, `${directory}/${quarantineDirectoryName}`)
    await makeIfAbsent(files, `${directory}/${folder}`)
    for (const one of planned) {
      const copied = await copyFile(files, `${directory}/${one.file}`, `${directory}/${one.path}`)
      const text = describe(one, { ...options, ...copied })
      const bytes = new TextEncoder().encode(text)
      await writeNew(files, `${directory}/${one.path}.json`, (file) => writeFully(file, bytes, 0))
    }
    await files.syncDirectory(`${directory}/${folder}`)
    await files.syncDirectory(`${directory}/${quarantineDirectoryName}`)
    await files.syncDirectory(directory)
  } catch (error) {
    throw explainFailure('copy what is damaged to its quarantine', error)
  }
  return planned
}

/** What `quarantine` would do. Writes nothing. */
export async function planQuarantine({
  host,
  directory,
  suspects,
}: Pick<QuarantineOptions, 'host' | 'directory' | 'suspects'>): Promise<QuarantinedFile[]> {
  const { files } = host
  const names = await listIfPresent(files, `${directory}/${quarantineDirectoryName}`)
  const last = Math.max(0, ...names.map(Number).filter(Number.isSafeInteger))
  const folder = `${quarantineDirectoryName}/${String(last + 1).padStart(4, '0')}`
  invariant(!names.includes(String(last + 1).padStart(4, '0')), 'each repair has its folder')
  const planned: QuarantinedFile[] = []
  for (const { file, why } of suspects) {
    invariant(!file.split('/').includes('..'), 'only what is in the directory is copied')
    const status = await files.stat(`${directory}/${file}`)
    if (status?.type !== 'file') continue
    const path = `${folder}/${file.slice(file.lastIndexOf('/') + 1)}`
    planned.push({ file, path, bytes: status.size, why })
  }
  return planned
}

interface Copied {
  readonly checksum: number
  /** Stretches that could not be read. */
  readonly refused: readonly { readonly offset: number; readonly length: number }[]
}

async function copyFile(files: FileSystem, from: string, to: string): Promise<Copied> {
  const source = await files.open(from, 'read')
  try {
    const size = await source.size()
    let checksum = 0
    const refused: { offset: number; length: number }[] = []
    await writeNew(files, to, async (target) => {
      for (let offset = 0; offset < size; offset += pieceBytes) {
        const bytes = new Uint8Array(Math.min(pieceBytes, size - offset))
        await readWhatCan({ source, bytes, offset, refused })
        checksum = crc32(bytes, checksum)
        await writeFully(target, bytes, offset)
      }
      invariant((await target.size()) === size, 'a copy is as long as what it is a copy of')
    })
    return { checksum, refused }
  } finally {
    await source.close()
  }
}

async function readWhatCan(of: {
  readonly source: HostFile
  readonly bytes: Uint8Array
  readonly offset: number
  readonly refused: { offset: number; length: number }[]
}): Promise<void> {
  const { source, bytes, offset, refused } = of
  try {
    await readFully(source, bytes, offset)
    return
  } catch (error) {
    if (!isErrno(error, 'EIO')) throw error
  }
  for (let at = 0; at < bytes.length; at += sectorBytes) {
    const sector = bytes.subarray(at, at + sectorBytes)
    try {
      await readFully(source, sector, offset + at)
    } catch (error) {
      if (!isErrno(error, 'EIO')) throw error
      sector.fill(0)
      invariant(sector.length <= sectorBytes, 'no more is given up than the disk refuses')
      refused.push({ offset: offset + at, length: sector.length })
    }
  }
}

async function writeNew(
  files: FileSystem,
  path: string,
  write: (file: HostFile) => Promise<void>,
): Promise<void> {
  const file = await files.open(path, 'create')
  try {
    await write(file)
    await file.sync()
  } finally {
    await file.close()
  }
}

function describe(
  { file, bytes, why }: QuarantinedFile,
  found: Pick<QuarantineOptions, 'damage' | 'skipped'> & Copied,
): string {
  const { damage, skipped, checksum, refused } = found
  invariant(
    refused.every(({ offset, length }) => offset + length <= bytes),
    'what was refused is in the file',
  )
  const description = {
    file,
    bytes,
    checksum: checksum.toString(16).padStart(8, '0'),
    why,
    damage: damage.filter((one) => one.file === file),
    refused,
    commitsNotApplied: skipped.ranges,
  }
  return `${JSON.stringify(description, null, 1)}\n`
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}
