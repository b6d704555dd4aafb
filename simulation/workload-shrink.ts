import type { ExploreFailure } from './crash-explorer.ts'
import type { Action, Workload } from './workload.ts'

export interface FailingWorkload {
  readonly workload: Workload
  readonly failure: ExploreFailure
}

/**
 * The workload cut down as long as it still fails in any way, greedily: halves of the actions
 * first, then smaller and smaller pieces, then single operations of a write.
 */
export async function shrinkWorkload(
  first: FailingWorkload,
  options: {
    tryIt(workload: Workload): Promise<ExploreFailure | undefined>
    shrinkRunsMax: number
  },
): Promise<FailingWorkload> {
  let shortest = first
  let runs = 0
  const tryActions = async (actions: readonly Action[]): Promise<void> => {
    if (runs >= options.shrinkRunsMax) return
    runs += 1
    const workload = { ...shortest.workload, actions }
    const failure = await options.tryIt(workload)
    if (failure !== undefined) shortest = { workload, failure }
  }
  const { length } = first.workload.actions
  for (let size = Math.ceil(length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = shortest.workload.actions.length - size; from > -size; from -= size) {
      const { actions } = shortest.workload
      await tryActions([...actions.slice(0, Math.max(0, from)), ...actions.slice(from + size)])
    }
  }
  for (const [index, { act, wait }] of shortest.workload.actions.entries()) {
    if (act.step !== 'write') continue
    for (let at = act.operations.length - 1; at >= 0; at -= 1) {
      const { actions } = shortest.workload
      const now = actions[index]?.act
      if (now?.step !== 'write' || now.operations.length < 2) continue
      const operations = now.operations.filter((_, position) => position !== at)
      await tryActions(actions.with(index, { act: { ...now, operations }, wait }))
    }
  }
  return shortest
}
