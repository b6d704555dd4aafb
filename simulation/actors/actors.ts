/**
 * Who works on a database in a swarm. A new one is a class with `act`, a word in `actorKinds` of
 * the plan, and a row here.
 */
import type { ActorKind } from '../swarm-plan.ts'
import type { MakeActor } from './actor.ts'
import { BackupMaker, ForkMaker } from './backups.ts'
import { Auditor, Bank } from './bank.ts'
import { CompactionMaker, Eraser, Pruner } from './forgetting.ts'
import { CheckpointMaker, ClockSetter, Verifier } from './keepers.ts'
import { Reader, Traveller } from './reader.ts'
import { Transactor, Writer } from './writer.ts'

export const actors: Readonly<Record<ActorKind, MakeActor>> = {
  writer: (scene, random) => new Writer(scene, random),
  transactor: (scene, random) => new Transactor(scene, random),
  bank: (scene, random) => new Bank(scene, random),
  auditor: (scene, random) => new Auditor(scene, random),
  reader: (scene, random) => new Reader(scene, random),
  traveller: (scene, random) => new Traveller(scene, random),
  checkpointer: (scene) => new CheckpointMaker(scene),
  verifier: (scene) => new Verifier(scene),
  backup: (scene, random) => new BackupMaker(scene, random),
  fork: (scene, random) => new ForkMaker(scene, random),
  clock: (scene, random) => new ClockSetter(scene, random),
  compactor: (scene, random) => new CompactionMaker(scene, random),
  pruner: (scene, random) => new Pruner(scene, random),
  eraser: (scene, random) => new Eraser(scene, random),
}
