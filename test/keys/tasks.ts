/** Tasks at the same time: what threads are elsewhere. */

/** Lets the rest of the program have a turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

export async function turns(count: number): Promise<void> {
  for (let one = 0; one < count; one++) await turn()
}

/** As many tasks at the same time, each of which has a number. */
export function together<T>(count: number, task: (number: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, number) => task(number)))
}
