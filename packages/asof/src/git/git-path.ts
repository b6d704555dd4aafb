import { isUtf8 } from 'node:buffer'

/** The root of a tree has no name in git; here it has one, which no file can have. */
export const rootPath = '.'

/**
 * A path of git as text. Git's paths are bytes; nearly all are UTF-8. One that is not is written
 * as git itself quotes it ("caf\351.txt", quotation marks included), which loses nothing.
 */
export function pathToText(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : quotePath(bytes)
}

const escapes = new Map([
  [0x07, '\\a'],
  [0x08, '\\b'],
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0b, '\\v'],
  [0x0c, '\\f'],
  [0x0d, '\\r'],
  [0x22, '\\"'],
  [0x5c, '\\\\'],
])

function quotePath(bytes: Buffer): string {
  let text = '"'
  for (const byte of bytes) {
    const escape = escapes.get(byte)
    if (escape !== undefined) text += escape
    else if (byte >= 0x20 && byte < 0x7f) text += String.fromCharCode(byte)
    else text += `\\${byte.toString(8).padStart(3, '0')}`
  }
  return `${text}"`
}

/** The directory that holds a path. The root holds itself. */
export function directoryOf(path: string): string {
  const at = path.lastIndexOf('/')
  return at < 0 ? rootPath : path.slice(0, at)
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}
