/**
 * Who works on a database in a swarm. A new one is a class with `act`, a word in `actorKinds` of
 * the plan, and a row here.
 */
import type { ActorKind } from '../swarm-plan.ts'
import type { ActorClass } from './actor.ts'
import { BackupMaker, ForkMaker } from './backups.ts'
import { Auditor, Bank } from './bank.ts'
import { CompactionMaker, Eraser, Pruner } from './forgetting.ts'
import { CheckpointMaker, ClockSetter, Verifier } from './keepers.ts'
import { KeyReader, KeyTransactor } from './keys.ts'
import { Reader, Traveller } from './reader.ts'
import { Transactor, Writer } from './writer.ts'

export const actors: Readonly<Record<ActorKind, ActorClass>> = {
  writer: Writer,
  transactor: Transactor,
  bank: Bank,
  auditor: Auditor,
  reader: Reader,
  traveller: Traveller,
  checkpointer: CheckpointMaker,
  verifier: Verifier,
  backup: BackupMaker,
  fork: ForkMaker,
  clock: ClockSetter,
  compactor: CompactionMaker,
  pruner: Pruner,
  eraser: Eraser,
  keyTransactor: KeyTransactor,
  keyReader: KeyReader,
}
