import {
  DatabaseError,
  Float,
  Instant,
  open,
  type Database,
  type Edge,
  type KeyInput,
  type Node,
  type OpenTransaction,
  type Period as EnginePeriod,
  type PeriodOptions,
  type Transaction,
  type Value,
  type View,
} from '../../packages/asofdb/src/index.ts'
import type { Host } from '../../packages/asofdb/src/host/host.ts'
import { memoryHost } from '../../packages/asofdb/src/host/memory-host.ts'
import { nodeHost } from '../../packages/asofdb/src/host/node-host.ts'
import {
  keyName,
  toInstant,
  toProperties,
  toValue,
  type Coordinates,
  type HistoryQuery,
  type IncidentQuery,
  type Isolation,
  type Operation,
  type Query,
  type ScriptCondition,
  type ScriptInstant,
  type ScriptKeyRange,
  type ScriptPeriod,
  type ScriptWindow,
} from '../../simulation/operation-script.ts'
import { RandomStream } from '../../simulation/random.ts'
import type { Payload } from '../../simulation/reference-history.ts'
import { BEGINNING, FOREVER, type Period } from '../../simulation/reference-periods.ts'
