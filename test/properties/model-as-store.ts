import type { Operation } from '../../simulation/operation-script.ts'
import { ModelStore } from '../conformance/model-store.ts'
import type { Answer, CommitAnswer, DurableStore } from '../conformance/store.ts'

/**
 * The reference model in the place of the engine. `falsify` may change what it is asked to do: the
 * runner has to notice.
 */
export class ModelAsStore extends ModelStore implements DurableStore {
  readonly #falsify: (operation: Operation) => Operation

  constructor(
    options: { nodesValid: 'now' | 'always' },
    falsify: (operation: Operation) => Operation = (operation) => operation,
  ) {
    super(options)
    this.#falsify = falsify
  }

  override write(operations: readonly Operation[], system?: bigint): Promise<CommitAnswer> {
    return super.write(operations.map(this.#falsify), system)
  }

  override operate(transaction: string, operation: Operation): Answer {
    return super.operate(transaction, this.#falsify(operation))
  }

  /** The coarsest way to be serializable: whoever was overtaken begins again. */
  override commit(transaction: string): Promise<CommitAnswer> {
    const { isEmpty, isOverlapped } = this.outlook(transaction)
    const isSerializable = this.transaction(transaction)?.start.isolation === 'serializable'
    if (isEmpty || !isOverlapped || !isSerializable) return super.commit(transaction)
    this.cancel(transaction)
    return Promise.resolve({ failure: { code: 'Conflict', clashes: [] } })
  }

  checkpoint(): Promise<void> {
    return Promise.resolve()
  }

  reopen(): Promise<void> {
    return Promise.resolve(this.forgetOpen())
  }

  crash(): Promise<void> {
    return this.reopen()
  }
}
