import type { Script, Step } from '../../simulation/operation-script.ts'

/**
 * The script cut down as long as it still fails, greedily: halves of the steps first, then smaller
 * and smaller pieces, then single operations of a write. At most `runsMax` runs.
 */
export async function shrinkScript(
  script: Script,
  options: { fails(script: Script): Promise<boolean>; runsMax: number },
): Promise<Script> {
  let steps = script.steps
  let runs = 0
  const tryIt = async (shorter: readonly Step[]): Promise<boolean> => {
    runs += 1
    if (!(await options.fails({ ...script, steps: shorter }))) return false
    steps = shorter
    return true
  }
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = steps.length - size; from > -size && runs < options.runsMax; from -= size) {
      const start = Math.max(0, from)
      await tryIt([...steps.slice(0, start), ...steps.slice(from + size)])
    }
  }
  for (let index = steps.length - 1; index >= 0 && runs < options.runsMax; index -= 1) {
    const step = steps[index]
    if (step?.step !== 'write') continue
    let operations = step.operations
    for (let at = operations.length - 1; at >= 0 && operations.length > 1; at -= 1) {
      const fewer = operations.filter((_, position) => position !== at)
      const shorter = steps.map((one, position) =>
        position === index ? { ...step, operations: fewer } : one,
      )
      if (await tryIt(shorter)) operations = fewer
    }
  }
  return { ...script, steps }
}
