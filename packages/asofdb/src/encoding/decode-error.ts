import { DatabaseError } from '../rules/errors.ts'

/**
 * Bytes that no encoder wrote. Decoders throw this and nothing else, whatever they are given; it
 * reaches a user as an error of kind `corrupt`. `offset` counts from the start of the byte array
 * that was decoded.
 */
export class DecodeError extends DatabaseError {
  readonly offset: number

  constructor(message: string, offset: number) {
    super('Corrupt', `${message}, at byte ${offset}`, { details: { offset } })
    this.offset = offset
  }
}
