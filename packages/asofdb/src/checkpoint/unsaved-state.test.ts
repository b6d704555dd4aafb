import { describe, expect, it } from 'vitest'
import { SampleCommits } from '../../../../test/recovery/sample-commits.ts'
import { UnsavedState } from './unsaved-state.ts'

/** Each commit of the sample has three versions of nodes and edges, one of a key, one new name. */
function commits(count: number): SampleCommits {
  const sample = new SampleCommits('unsaved')
  sample.commits(count)
  return sample
}

const nothing = { graph: 0, keys: 0, symbols: 0 }
const none = { mutations: 0, sinceOldestMs: 0 }

describe('what no checkpoint has', () => {
  it('is counted by kind, from the checkpoint on', () => {
    const sample = commits(2)
    expect(sample.tables.symbols.count).toBe(2)
    const state = new UnsavedState({ sequence: 0, symbols: 0 })
    expect(state.counts(sample.tables)).toEqual({ graph: 6, keys: 2, symbols: 2 })
    const later = new UnsavedState({ sequence: 2, symbols: 2 })
    expect(later.counts(sample.tables)).toEqual(nothing)
    sample.commit()
    expect(later.counts(sample.tables)).toEqual({ graph: 3, keys: 1, symbols: 1 })
  })

  it('is what came while a checkpoint was made, when that is done', () => {
    const sample = commits(2)
    const state = new UnsavedState({ sequence: 0, symbols: 0 })
    const saved = { sequence: 2, symbols: sample.tables.symbols.count, startMs: 50 }
    sample.commit()
    state.noteSaved(saved, sample.tables)
    expect(state.counts(sample.tables)).toEqual({ graph: 3, keys: 1, symbols: 1 })
    state.noteSaved({ sequence: 3, symbols: 2, startMs: 60 }, sample.tables)
    expect(state.counts(sample.tables)).toEqual(nothing)
  })

  it('has an age by kind, which begins anew with each checkpoint', () => {
    const sample = new SampleCommits('unsaved')
    const state = new UnsavedState({ sequence: 0, symbols: 0 })
    expect(state.needs(sample.tables, 10)).toEqual({ graph: none, keys: none, symbols: none })
    sample.commit()
    expect(state.needs(sample.tables, 100).graph).toEqual({ mutations: 3, sinceOldestMs: 0 })
    sample.commit()
    expect(state.needs(sample.tables, 350)).toEqual({
      graph: { mutations: 6, sinceOldestMs: 250 },
      keys: { mutations: 2, sinceOldestMs: 250 },
      symbols: { mutations: 2, sinceOldestMs: 250 },
    })
    state.noteSaved({ sequence: 1, symbols: 1, startMs: 300 }, sample.tables)
    expect(state.needs(sample.tables, 400).keys).toEqual({ mutations: 1, sinceOldestMs: 100 })
    state.noteSaved({ sequence: 2, symbols: 2, startMs: 400 }, sample.tables)
    expect(state.needs(sample.tables, 500).keys).toEqual(none)
  })
})
