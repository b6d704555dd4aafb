import type { Span } from './periods.ts'

/**
 * The thirteen relations of Allen's interval algebra (J. F. Allen, "Maintaining knowledge about
 * temporal intervals", 1983), for half-open periods.
 */
export type AllenRelation =
  | 'before'
  | 'meets'
  | 'overlaps'
  | 'starts'
  | 'during'
  | 'finishes'
  | 'equals'
  | 'after'
  | 'met-by'
  | 'overlapped-by'
  | 'started-by'
  | 'contains'
  | 'finished-by'

/** The one relation in which `p` stands to `q`. */
export function allenRelation(p: Span, q: Span): AllenRelation {
  if (p.to < q.from) return 'before'
  if (p.to === q.from) return 'meets'
  if (q.to < p.from) return 'after'
  if (q.to === p.from) return 'met-by'
  if (p.from === q.from) {
    if (p.to === q.to) return 'equals'
    return p.to < q.to ? 'starts' : 'started-by'
  }
  if (p.to === q.to) return p.from > q.from ? 'finishes' : 'finished-by'
  if (p.from > q.from && p.to < q.to) return 'during'
  if (p.from < q.from && p.to > q.to) return 'contains'
  return p.from < q.from ? 'overlaps' : 'overlapped-by'
}
