/**
 * The conformance table of the semantics (section 3), row by row in its own notation. Instants are
 * small integers on both axes. `@t` is one transaction with the clock at t; no period means
 * [t, inf). `n(V,T=..)` is state, `line` the coalesced timeline, `prov` the provenance rows (valid
 * x system), ∅ absent; `as 2` repeats the operations of row 2. What a query gives is on its right:
 * a failed transaction gives its error, `@3` the outcome of the transaction at 3, `-` the last.
 */
export interface TableRow {
  readonly row: number
  readonly operations: string
  readonly expected: Readonly<Record<string, string>>
}

function row(number: number, operations: string, expected: Record<string, string>): TableRow {
  return { row: number, operations, expected }
}

const basics: readonly TableRow[] = [
  row(1, '@10 put n{a:1}', { 'n(10)': '{a:1}', 'n(9)': '∅', 'line n': '[10,inf){a:1}' }),
  row(2, '@10 put n{a:1}; @20 put n{a:2}', { 'line n': '[10,20){a:1}, [20,inf){a:2}' }),
  row(3, 'as 2; clock 30', { 'n(25,T=15)': '{a:1}', 'n(15,T=15)': '{a:1}', 'n(25)': '{a:2}' }),
  row(4, 'as 2', {
    'prov n': '{a:1} [10,20)x[10,inf); {a:1} [20,inf)x[10,20); {a:2} [20,inf)x[20,inf)',
  }),
  row(5, '@10 put n{a:1}; @30 put n{a:0}[5,10)', {
    'line n': '[5,10){a:0}, [10,inf){a:1}',
    'n(7,T=29)': '∅',
    'n(7,T=30)': '{a:0}',
  }),
  row(6, 'as 2; @30 put n{a:9}[5,inf)', { 'line n': '[5,inf){a:9}' }),
  row(7, 'as 2; @30 put n{a:9} from 5 until next', {
    'line n': '[5,10){a:9}, [10,20){a:1}, [20,inf){a:2}',
  }),
  row(8, '@10 put n{a:1}; @12 patch n{a:2}[50,inf)', {
    'n(20)': '{a:1}',
    'n(60)': '{a:2}',
    'n(60,T=11)': '{a:1}',
  }),
]

const splitting: readonly TableRow[] = [
  row(9, '@10 put n{a:1,b:1}[0,100); @20 patch n{a:2}[30,40)', {
    'line n': '[0,30){a:1,b:1}, [30,40){a:2,b:1}, [40,100){a:1,b:1}',
  }),
  row(10, '@5 put n{a:1}[0,10); @6 put n{a:2}[10,20); @7 patch n{b:9}[5,15)', {
    'line n': '[0,5){a:1}, [5,10){a:1,b:9}, [10,15){a:2,b:9}, [15,20){a:2}',
  }),
  row(11, '@5 put n{a:1}[0,10); @6 put n{a:2}[20,30); @7 patch n{b:9}[5,25)', {
    'line n': '[0,5){a:1}, [5,10){a:1,b:9}, [20,25){a:2,b:9}, [25,30){a:2}',
  }),
  row(12, 'as 11 without @7; @7 upsert n{b:9}[5,25)', {
    'line n': '[0,5){a:1}, [5,10){a:1,b:9}, [10,20){b:9}, [20,25){a:2,b:9}, [25,30){a:2}',
  }),
  row(13, '@10 put n{a:1,b:1}; @20 put n{a:2}', { 'n(25)': '{a:2}' }),
  row(14, '@10 put n{a:1,b:1}; @20 patch n{b:null}', { 'n(25)': '{a:1}', 'n(15)': '{a:1,b:1}' }),
]

const deletes: readonly TableRow[] = [
  row(15, '@10 put n{a:1}; @20 del n', {
    'line n': '[10,20){a:1}',
    'n(25)': '∅',
    'n(25,T=15)': '{a:1}',
  }),
  row(16, '@10 put n{a:1}[0,100); @20 del n[30,40)', {
    'line n': '[0,30){a:1}, [40,100){a:1}',
  }),
  row(17, '@10 put n{a:1}[0,inf); @20 del n[50,inf)', {
    'line n': '[0,50){a:1}',
    'n(20)': '{a:1}',
  }),
  row(18, '@10 put n{a:1}[0,10); @20 del n', { affected: '0', 'events n': '1' }),
  row(19, '@10 put n{a:1}[0,10); @20 put n{a:2}[20,30)', { 'n(15)': '∅', 'parts n': '2' }),
]

const creating: readonly TableRow[] = [
  row(20, '@5 put n{a:1}[10,20); @6 create n{a:2}[15,25)', { '-': 'AlreadyExists [15,20)' }),
  row(21, 'as 20 without @6; @7 create n{a:2}[20,25)', {
    'line n': '[10,20){a:1}, [20,25){a:2}',
  }),
]

const orderAndClock: readonly TableRow[] = [
  row(22, '@10 put n{a:1}, put n{a:2}', { 'prov n': '{a:2} [10,inf)x[10,inf)' }),
  row(23, 'clock 1000; put n{i:0}[0,inf); put n{i:1}[0,inf); put n{i:2}[0,inf)', {
    tx: '1000, 1001, 1002',
    'n(5,T=1000)': '{i:0}',
    'n(5,T=1001)': '{i:1}',
    'n(5,T=1002)': '{i:2}',
  }),
  row(24, 'clock 1000; put n{a:1}[0,inf); clock 400; put n{a:2}[0,inf)', {
    tx: '1000, 1001',
    'n()': '{a:2}',
  }),
  row(25, '@10 put n{late:1}[20,30); @11 put n{wide:1}[0,100)', { 'line n': '[0,100){wide:1}' }),
]

const errors: readonly TableRow[] = [
  row(26, '@10 put n{}[9,5); @11 put n{}[5,5)', {
    '@10': 'InvalidPeriod [9,5)',
    '@11': 'InvalidPeriod [5,5)',
  }),
  row(27, '@20 put n{} to 15', { '-': 'InvalidPeriod [20,15)' }),
  row(28, '@10 put n{a:1}', { 'n(T=11)': 'TimeInFuture' }),
  row(29, '@10 put n{a:1} with system time 5', { '-': 'TimeReadOnly' }),
]

const boundaries: readonly TableRow[] = [
  row(30, '@5 put n{a:1}[0,10); @6 put n{a:2}[10,20)', {
    'line n FROM 0 TO 10': '[0,10){a:1}',
    'line n BETWEEN 0 AND 10': '[0,10){a:1}, [10,20){a:2}',
  }),
  row(31, 'as 30', { 'n(10)': '{a:2}' }),
]

const corrections: readonly TableRow[] = [
  row(32, '@10 put n{s:100}; @50 patch n{s:120}[30,inf); clock 60', {
    'n(40,T=45)': '{s:100}',
    'n(40,T=55)': '{s:120}',
    'n(20,T=55)': '{s:100}',
  }),
  row(33, '@10 put n{d:A}[0,inf); @15 patch n{d:X}[20,40); @60 patch n{d:A}[20,25)', {
    'line n': '[0,25){d:A}, [25,40){d:X}, [40,inf){d:A}',
    'n(22,T=59)': '{d:X}',
    'n(22,T=60)': '{d:A}',
  }),
  row(34, '@10 put n{a:1}[0,inf); @20 put n{a:1}[5,10)', {
    'line n': '[0,inf){a:1}',
    'prov n':
      '{a:1} [0,5)x[10,inf); {a:1} [5,10)x[10,20); {a:1} [10,inf)x[10,inf); {a:1} [5,10)x[20,inf)',
  }),
  row(35, '@10 put n{a:1}[0,10); @11 put n{a:1}[10,20)', { 'line n': '[0,20){a:1}' }),
  row(36, 'as 32', { 'netDiff(45,55)': 'n [30,inf): {s:100} -> {s:120}' }),
  row(37, 'as 34; clock 30', { 'netDiff(15,25)': '' }),
  row(38, '@1 put n{a:1}[1,4); clock 10', { 'n(T=3)': '∅', 'n rewind(3)': '{a:1}' }),
]

const edges: readonly TableRow[] = [
  row(39, '@1 put a[0,50), put b[10,inf); @5 edge r a>b [5,60)', {
    '-': 'EndpointNotValid a:[50,60), b:[5,10)',
  }),
  row(40, 'as 39 without @5; @20 edge r a>b', { 'line r': '[20,50)' }),
  row(41, "as 39 without @5; @5 edge r a>b [5,60) bounds:'clip'", { 'line r': '[10,50)' }),
  row(42, '@1 put a[0,inf), put b[0,inf), edge r a>b [10,20); @30 del a[15,inf)', {
    '-': 'ConnectedEdges r:[15,20)',
  }),
  row(43, 'as 42 without @30; @30 detach a[15,inf)', {
    'line a': '[0,15)',
    'line r': '[10,15)',
    'r(17,T=29)': 'present',
    'r(17,T=30)': '∅',
  }),
  row(44, 'as 42 without @30; @30 del a[30,40)', {
    'line a': '[0,30), [40,inf)',
    'line r': '[10,20)',
  }),
  row(45, 'as 42 without @30; @30 del a[15,inf), del r[15,inf)', {
    'line a': '[0,15)',
    'line r': '[10,15)',
  }),
  row(46, 'as 43; @40 put a[15,inf)', { 'line a': '[0,inf)', 'line r': '[10,15)' }),
]

const keys: readonly TableRow[] = [
  row(
    47,
    '@0 unique e; @1 put u1{e:x}[0,50); @2 put u2{e:x}[50,inf); @3 put u3{e:x}[40,45)',
    { '@2': 'fine', '@3': 'UniqueViolation u1:[40,45)' },
  ),
  row(48, 'as 47 without @3; @4 put u1{e:x}[0,60)', { '-': 'UniqueViolation u2:[50,60)' }),
  row(49, '@0 unique e; @1 put u2{e:x}[50,inf); @20 create u9{e:x}', {
    '-': 'UniqueViolation u2:[50,inf)',
  }),
]

const patterns: readonly TableRow[] = [
  row(
    50,
    '@1 put a[0,inf), put b[0,inf), put c[0,inf), edge r1 a>b [0,10), edge r2 b>c [5,20)',
    { 'MATCH (a)-[r1]->(b)-[r2]->(c)': '[5,10)' },
  ),
  row(51, 'as 50; @2 patch b{k:1}[7,8)', {
    'MATCH (a)-[r1]->(b)-[r2]->(c)': '[5,7); [7,8) b{k:1}; [8,10)',
  }),
  row(52, '@5 put n{a:1}[0,10); @20 patch n{a:2}', { affected: '0', 'line n': '[0,10){a:1}' }),
]

export const semanticsTable: readonly TableRow[] = [
  ...basics,
  ...splitting,
  ...deletes,
  ...creating,
  ...orderAndClock,
  ...errors,
  ...boundaries,
  ...corrections,
  ...edges,
  ...keys,
  ...patterns,
]
