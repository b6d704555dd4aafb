import type { Reaction } from '../../packages/asofdb/src/recovery/verdict.ts'

/** A reaction of recovery in the words of the documents. */
export function outcomeOf(reaction: Reaction): string {
  switch (reaction.kind) {
    case 'create':
      return 'created'
    case 'open':
      return reaction.outcome
    case 'refuse':
      return reaction.code
    case 'salvage':
      return `${reaction.outcome}, by the ${reaction.from}`
  }
}
