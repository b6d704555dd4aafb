import type { Terminal } from './terminal.ts'

/** Text with the attributes of a terminal, or without, where there are none. */
export interface Style {
  bold(text: string): string
  dim(text: string): string
  accent(text: string): string
  added(text: string): string
  removed(text: string): string
  changed(text: string): string
}

const codes = { bold: 1, dim: 2, accent: 36, added: 32, removed: 31, changed: 33 } as const

export function styleOf(terminal: Pick<Terminal, 'hasColor'>): Style {
  const attribute =
    (code: number) =>
    (text: string): string =>
      terminal.hasColor && text !== '' ? `\u001b[${code}m${text}\u001b[0m` : text
  return {
    bold: attribute(codes.bold),
    dim: attribute(codes.dim),
    accent: attribute(codes.accent),
    added: attribute(codes.added),
    removed: attribute(codes.removed),
    changed: attribute(codes.changed),
  }
}
