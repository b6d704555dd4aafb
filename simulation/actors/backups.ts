import { isDatabaseError } from '../../packages/asofdb/src/index.ts'
import { Divergence } from '../workload-run.ts'
import { Actor } from './actor.ts'

const backupDirectories = ['/backup-1', '/backup-2'] as const

/** Makes backups and brings them up to date while others write. */
export class BackupMaker extends Actor {
  override async act(): Promise<void> {
    const scene = this.scene
    const { backups } = scene.archive
    const directory = this.random.pick(backupDirectories)
    try {
      const { sequence } = await scene.database.backup(directory)
      if (scene.isOver) return
      const known = backups.get(directory)
      if (known !== undefined && sequence < known.sequence) {
        throw new Divergence(`a backup went from commit ${known.sequence} to ${sequence}`)
      }
      backups.set(directory, { sequence, isForeign: false })
      scene.catchUp()
      scene.chronicle.oracle.makeDurable(Math.min(sequence, scene.chronicle.sequence))
      const restored = this.random.chance(0.5) ? this.random.below(sequence + 1) : undefined
      scene.lookLater({ path: directory, sequence, restored, copiedAt: [sequence, sequence] })
    } catch (error) {
      // Somebody else makes it just now, or it holds what this database has lost.
      if (isDatabaseError(error, 'Locked')) return
      const isForeign = backups.get(directory)?.isForeign === true
      if (isForeign && isDatabaseError(error, 'AlreadyExists')) return
      if (!scene.isExpected(error)) throw error
    }
  }
}

/** Makes databases of their own from parts of the history. */
export class ForkMaker extends Actor {
  override async act(): Promise<void> {
    const scene = this.scene
    scene.archive.entities += 1
    const path = `/fork-${scene.archive.entities}`
    const toSequence = this.random.below(scene.database.sequence + 1)
    scene.catchUp()
    const { chronicle, database } = scene
    const newest = chronicle.sequence
    const isPruned = toSequence < chronicle.model.forgetting.latest()
    try {
      const { sequence } = await scene.database.fork(path, { toSequence })
      if (scene.isOver) return
      if (sequence !== toSequence) throw new Divergence(`a fork has ${sequence}, not ${toSequence}`)
      if (isPruned) throw new Divergence(`a fork as of ${toSequence}, which is below a horizon`)
      // It may carry what is being forgotten just now, which may yet be lost here.
      scene.catchUp()
      if (chronicle.isPruning || chronicle.isErasing) return
      const copiedAt = [newest, database.stats().appliedSequence] as const
      scene.lookLater({ path, sequence, copiedAt })
    } catch (error) {
      if (isDatabaseError(error, 'HistoryPruned')) {
        scene.catchUp()
        if (chronicle.isPruning || toSequence < chronicle.model.forgetting.latest()) return
      }
      if (!scene.isExpected(error)) throw error
    }
  }
}
