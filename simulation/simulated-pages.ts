/** The kernel caches, cleans and loses whole pages. */
export const pageBytes = 4096

/** A disk writes whole sectors: after a crash each is of one version. */
export const sectorBytes = 512

interface Page {
  readonly owner: object
  readonly bytes: Uint8Array
}

/**
 * The bytes of a file by page: holes cost nothing and read as zeros, and copies share pages until
 * one of them writes.
 */
export class SimulatedPages {
  readonly #pages: Map<number, Page>
  #owner = {}

  constructor(pages: Map<number, Page> = new Map()) {
    this.#pages = pages
  }

  copy(): SimulatedPages {
    // Neither side owns the shared pages any more, so both copy before they write.
    this.#owner = {}
    return new SimulatedPages(new Map(this.#pages))
  }

  read(into: Uint8Array, position: number): void {
    forEachPart({ position, length: into.length, step: pageBytes }, (page, at, length) => {
      const found = this.#pages.get(page)
      const start = at - page * pageBytes
      const target = into.subarray(at - position, at - position + length)
      if (found) target.set(found.bytes.subarray(start, start + length))
      else target.fill(0)
    })
  }

  write(bytes: Uint8Array, position: number): void {
    forEachPart({ position, length: bytes.length, step: pageBytes }, (page, at, length) => {
      const offset = at - position
      this.#writable(page).set(bytes.subarray(offset, offset + length), at - page * pageBytes)
    })
  }

  /** Zeros from `from` up to `to`, without filling holes. */
  clear(from: number, to: number): void {
    for (const page of this.pagesFrom(from)) {
      const start = Math.max(0, from - page * pageBytes)
      const end = Math.min(pageBytes, to - page * pageBytes)
      if (start >= end) continue
      if (start === 0 && end === pageBytes) this.#pages.delete(page)
      else this.#writable(page).fill(0, start, end)
    }
  }

  /** Pages that hold something at or after a position. */
  pagesFrom(position: number): number[] {
    const first = Math.floor(position / pageBytes)
    return [...this.#pages.keys()].filter((page) => page >= first)
  }

  #writable(page: number): Uint8Array {
    const found = this.#pages.get(page)
    if (found && found.owner === this.#owner) return found.bytes
    const bytes = found ? found.bytes.slice() : new Uint8Array(pageBytes)
    this.#pages.set(page, { owner: this.#owner, bytes })
    return bytes
  }
}

export interface ByteRange {
  readonly position: number
  readonly length: number
  readonly step: number
}

/** Cuts a range at the multiples of `step`; an empty range has no parts. */
export function forEachPart(
  { position, length, step }: ByteRange,
  visit: (index: number, at: number, length: number) => void,
): void {
  const end = position + length
  for (let at = position; at < end; ) {
    const index = Math.floor(at / step)
    const partEnd = Math.min(end, (index + 1) * step)
    visit(index, at, partEnd - at)
    at = partEnd
  }
}
