import { DatabaseError } from '../rules/errors.ts'
import { must } from '../rules/invariant.ts'
import { daySeconds, instantSecondsMax } from '../rules/limits.ts'
import { offsetToSeconds } from './iso-text.ts'

/**
 * Time zones through the runtime's own tables: a zone is asked for its offset at an instant, and
 * everything else follows from that. A zone is an IANA name, 'UTC' (or 'Z'), or a fixed offset
 * such as '+01:00'. All instants here are whole seconds since 1970.
 */
const formatsKeptMax = 64
const formatsByZone = new Map<string, Intl.DateTimeFormat>()

function isUtc(timeZone: string): boolean {
  return timeZone === 'UTC' || timeZone === 'Z'
}

/** Undefined for a fixed offset; throws InvalidInstant for a zone nobody knows. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formatsByZone.get(timeZone)
  if (known !== undefined) return known
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
  } catch (cause) {
    throw new DatabaseError(
      'InvalidInstant',
      `the time zone '${timeZone}' is not known: use an IANA name such as 'Europe/Paris', ` +
        `'UTC' or an offset such as '+01:00'`,
      { cause, details: { timeZone } },
    )
  }
  // A bound, because texts from outside may name any number of zones in any spelling.
  if (formatsByZone.size >= formatsKeptMax) formatsByZone.clear()
  formatsByZone.set(timeZone, format)
  return format
}

/** Throws InvalidInstant when the zone is not known. */
export function checkTimeZone(timeZone: string): void {
  if (isUtc(timeZone) || offsetToSeconds(timeZone) !== undefined) return
  formatOf(timeZone)
}

/** Seconds east of UTC in the zone at that instant; InvalidInstant for an unknown zone. */
export function zoneOffsetSeconds(timeZone: string, epochSeconds: number): number {
  if (isUtc(timeZone)) return 0
  const fixed = offsetToSeconds(timeZone)
  if (fixed !== undefined) return fixed
  const clamped = Math.min(Math.max(epochSeconds, -instantSecondsMax), instantSecondsMax)
  const text = formatOf(timeZone).format(clamped * 1000)
  const offset = text.slice(text.lastIndexOf('GMT') + 3)
  return offset === '' ? 0 : must(offsetToSeconds(offset), `the offset in '${text}'`)
}

/**
 * The instant at which clocks of the zone show a local time, given as the seconds since 1970 it
 * would be in UTC. A local time that occurs twice means the earlier instant; one that is skipped
 * is moved forward by the length of the gap (the offset from before it is used).
 */
export function localToEpochSeconds(timeZone: string, localSeconds: number): number {
  if (isUtc(timeZone)) return localSeconds
  // No zone is a day or more from UTC, so these two instants lie before and after the answer.
  const before = zoneOffsetSeconds(timeZone, localSeconds - daySeconds)
  const after = zoneOffsetSeconds(timeZone, localSeconds + daySeconds)
  if (before === after) return localSeconds - before
  const early = localSeconds - Math.max(before, after)
  const late = localSeconds - Math.min(before, after)
  for (const candidate of [early, late]) {
    if (zoneOffsetSeconds(timeZone, candidate) === localSeconds - candidate) return candidate
  }
  return localSeconds - before
}
