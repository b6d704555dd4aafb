import { expect } from 'vitest'
import { DatabaseError, type ErrorCode, type ErrorKind } from 'asofdb'

/** What an error must say: its code, its kind, and words of the advice it gives. */
export interface ExpectedError {
  readonly code: ErrorCode
  readonly kind: ErrorKind
  readonly says: RegExp
}

/** The error that `work` throws or rejects with; fails when it does neither. */
export async function caught(work: () => unknown): Promise<DatabaseError> {
  let result: unknown
  try {
    result = await work()
  } catch (error) {
    expect(error).toBeInstanceOf(DatabaseError)
    if (error instanceof DatabaseError) return error
    throw error
  }
  throw new Error(`nothing was thrown; the result was ${String(result)}`)
}

export async function expectError(work: () => unknown, expected: ExpectedError): Promise<void> {
  const error = await caught(work)
  expect({ code: error.code, kind: error.kind }).toEqual({
    code: expected.code,
    kind: expected.kind,
  })
  expect(error.message).toMatch(expected.says)
}
