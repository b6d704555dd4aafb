/** 1234567 as 1,234,567. */
export function countText(count: number): string {
  return Math.round(count).toLocaleString('en-US')
}

/** A noun whose plural is not made with an s. */
export interface Noun {
  readonly one: string
  readonly many: string
}

export const peopleNoun: Noun = { one: 'person', many: 'people' }
export const indexNoun: Noun = { one: 'index', many: 'indexes' }

/** 1 file, 2 files. */
export function plural(count: number, noun: string | Noun): string {
  const { one, many } = typeof noun === 'string' ? { one: noun, many: `${noun}s` } : noun
  return `${countText(count)} ${count === 1 ? one : many}`
}

/** Bytes with a unit: 512 B, 1.4 KB, 23 MB; a kilobyte has 1,000 bytes. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit > 0 && value < 10 ? 1 : 0
  return `${value.toFixed(digits)} ${units[unit] ?? ''}`
}

/** Milliseconds as 0.042 ms, 3.1 ms, 250 ms. */
export function millisecondsText(milliseconds: number): string {
  const digits = milliseconds < 1 ? 3 : milliseconds < 10 ? 1 : 0
  return `${milliseconds.toFixed(digits)} ms`
}

/** Seconds as 0.42 s, 12.3 s, 3 min 5 s. */
export function secondsText(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(2)} s`
  if (seconds < 100) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  return `${Math.floor(whole / 60)} min ${whole % 60} s`
}
