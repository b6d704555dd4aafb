/**
 * A number that is stored as a floating-point number although it has no fraction. A plain `1` is
 * stored as an integer, `float(1)` as 1.0; the two are different values and compare as equal
 * numbers.
 */
export class Float {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }

  valueOf(): number {
    return this.value
  }

  toJSON(): number {
    return this.value
  }

  toString(): string {
    return Number.isInteger(this.value) ? this.value.toFixed(1) : String(this.value)
  }

  equals(other: Float): boolean {
    return Object.is(this.value, other.value)
  }
}

/** A floating-point number, also where the value is integral. */
export function float(value: number): Float {
  return new Float(value)
}
