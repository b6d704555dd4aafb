/**
 * Text for a terminal. Names come from outside: control characters are shown as escapes, so that a
 * file name can neither move the cursor nor break a table.
 */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    const simple = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character]
    if (simple !== undefined) return simple
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  })
}

/** Controls, direction marks and other characters that nobody sees. */
const unprintable = /[\p{Cc}\p{Cs}\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/gu

/** Characters that take two columns in nearly every terminal. */
const wideScripts = ['Han', 'Hiragana', 'Katakana', 'Hangul'].map((name) => `\\p{Script=${name}}`)
const wide = new RegExp(
  `[${wideScripts.join('')}\\p{Emoji_Presentation}\\u3000-\\u303e\\uff01-\\uff60\\uffe0-\\uffe6]`,
  'u',
)
const mark = /\p{Mn}|\p{Me}/u

/** Columns that text takes. */
export function widthOf(text: string): number {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length
  let width = 0
  for (const character of text) width += characterWidth(character)
  return width
}

function characterWidth(character: string): number {
  if (mark.test(character)) return 0
  return wide.test(character) ? 2 : 1
}

/** Text cut to a width, with a sign that it was. */
export function fit(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  let used = 0
  for (const character of text) {
    const next = used + characterWidth(character)
    if (next > width - 1) break
    kept += character
    used = next
  }
  return width > 0 ? `${kept}…` : ''
}

/** Text filled up with blanks to a width. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}
