/**
 * The outside world, as one value that is passed down. Nothing else in the engine may read a
 * clock, set a timer, draw a random number or touch a file; so a run inside the simulated host is
 * a pure function of its seed.
 */
export interface Host {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly files: FileSystem
  readonly process: ProcessIdentity
  /** Where events go for whoever in this process wants them; absent: nowhere. */
  readonly publisher?: Publisher | undefined
}

export interface Clock {
  /** Wall-clock time in whole microseconds since 1970-01-01T00:00:00Z; may jump either way. */
  wallMicros(): number
  /** Milliseconds since an arbitrary start, with a fraction; never goes back. */
  monotonicMs(): number
}

export interface Timers {
  /**
   * Runs `task` once after `delayMs`. Keeps the process alive only where `keepsProcess` says so.
   * Returns a cancel function.
   */
  after(
    delayMs: number,
    task: () => void,
    options?: { readonly keepsProcess: boolean },
  ): () => void
  /** Lets other work of the event loop (I/O callbacks included) run first. */
  yieldTurn(): Promise<void>
}

export interface Random {
  /** `length` unpredictable bytes. */
  bytes(length: number): Uint8Array
  /** A number in [0, 1), for jitter. */
  fraction(): number
}

/** A channel of `node:diagnostics_channel`, or something like it. */
export interface Publisher {
  /** Whether anybody listens just now. */
  readonly hasSubscribers: boolean
  publish(message: unknown): void
}

/** Who this process is, for the lock file and its message. */
export interface ProcessIdentity {
  readonly pid: number
  readonly hostName: string
}

/** `read`: existing file, reading. `write`: existing file, reading and writing. `create`: a new
 * file, which must not exist (EEXIST). */
export type OpenMode = 'read' | 'write' | 'create'

/**
 * Files by absolute path. Failures are thrown as errors with the `code` of Node (`ENOENT`,
 * `EEXIST`, `ENOSPC`, `EIO`, `EACCES`, `EROFS` …).
 */
export interface FileSystem {
  open(path: string, mode: OpenMode): Promise<HostFile>
  /** Atomically replaces `to` by `from`. The names are durable only after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Creates one directory; its parent must exist; EEXIST if something is there. */
  makeDirectory(path: string): Promise<void>
  /** Names in a directory, sorted; ENOENT when there is none. */
  list(path: string): Promise<string[]>
  /** Undefined when nothing has that name. */
  stat(path: string): Promise<FileStatus | undefined>
  /** Makes the names in a directory durable. A no-op where the platform has no such call. */
  syncDirectory(path: string): Promise<void>
  /**
   * Takes the directory for this process until `release`. One holder at a time, in this process or
   * any other; a holder that died no longer counts. Throws `LockHeldError`.
   */
  lock(directory: string): Promise<DirectoryLock>
}

export interface FileStatus {
  readonly type: 'file' | 'directory' | 'other'
  readonly size: number
}

export interface DirectoryLock {
  release(): Promise<void>
}

/** Who holds a directory. `sinceMs` is wall-clock milliseconds since 1970. */
export interface LockHolder {
  readonly pid: number
  readonly hostName: string
  readonly sinceMs: number
}

export class LockHeldError extends Error {
  override readonly name = 'LockHeldError'
  readonly holder: LockHolder | undefined

  constructor(directory: string, holder: LockHolder | undefined) {
    super(`${directory} is held by ${holder ? `process ${holder.pid}` : 'another process'}`)
    this.holder = holder
  }
}

/**
 * An open file. Writes and reads are positional and may be short, as those of the kernel: use
 * `writeFully` and `readFully`. A sync covers exactly the writes that had returned when it was
 * entered. The `…Now` variants do the same work without leaving the caller's turn.
 */
export interface HostFile {
  /** Bytes read, 0 at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>
  readNow(into: Uint8Array, position: number): number
  /** Bytes written, at least 1 unless `bytes` is empty. */
  write(bytes: Uint8Array, position: number): Promise<number>
  writeNow(bytes: Uint8Array, position: number): number
  /** Data, size and metadata are durable when it resolves. */
  sync(): Promise<void>
  /** Data and size are durable when it resolves. */
  syncData(): Promise<void>
  syncDataNow(): void
  truncate(size: number): Promise<void>
  size(): Promise<number>
  close(): Promise<void>
}
