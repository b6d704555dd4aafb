/** What benchmarks of commits write: one small put each. */
export const keyCount = 20_011

/** Every key once before one comes again, in no order. */
export function keyOf(number: number): string {
  return `account/${String((number * 7919) % keyCount).padStart(8, '0')}`
}

export function valueOf(number: number): string {
  return `balance ${number}, `.padEnd(100, 'as entered by the clerk; ')
}
