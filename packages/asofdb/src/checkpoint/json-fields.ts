import { DatabaseError } from '../rules/errors.ts'

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue }

/** Where the JSON lies, for error messages. */
export interface JsonPlace {
  readonly file: string
  readonly offset: number
}

/** Reads members of parsed JSON. What is missing or of another type is `Corrupt`. */
export class JsonFields {
  readonly #members: ReadonlyMap<string, unknown>
  readonly #place: JsonPlace

  constructor(parsed: unknown, place: JsonPlace) {
    this.#place = place
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
      throw this.damage({ member: 'the content', what: 'is no object' })
    }
    this.#members = new Map<string, unknown>(Object.entries(parsed))
  }

  text(name: string): string {
    const value = this.#members.get(name)
    if (typeof value !== 'string') throw this.damage({ member: name, what: 'is no text' })
    return value
  }

  /** A safe integer from 0. */
  count(name: string): number {
    const value = this.#members.get(name)
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
    throw this.damage({ member: name, what: 'is no count' })
  }

  /** As `count`, of a member that older releases did not write: 0 where it is missing. */
  laterCount(name: string): number {
    return this.#members.has(name) ? this.count(name) : 0
  }

  flag(name: string): boolean {
    const value = this.#members.get(name)
    if (typeof value !== 'boolean') throw this.damage({ member: name, what: 'is no flag' })
    return value
  }

  object(name: string): JsonFields {
    return new JsonFields(this.#members.get(name), this.#place)
  }

  objects(name: string): JsonFields[] {
    return this.#array(name).map(value => new JsonFields(value, this.#place))
  }

  texts(name: string): string[] {
    return this.#array(name).map(value => {
      if (typeof value !== 'string') throw this.damage({ member: name, what: 'has no texts' })
      return value
    })
  }

  /** An object of whatever content. */
  json(name: string): Readonly<Record<string, JsonValue>> {
    const members: [string, JsonValue][] = []
    for (const [member, value] of this.object(name).#members) {
      members.push([member, this.#toJson(name, value)])
    }
    return Object.fromEntries(members)
  }

  /** The error that says that a member, or `the content`, is not as it must be. */
  damage(of: { readonly member: string; readonly what: string }): DatabaseError {
    const { file, offset } = this.#place
    return new DatabaseError(
      'Corrupt',
      `${file} is damaged: ${of.member} ${of.what}; restore the database from a backup, or keep ` +
        'the directory as it is and ask for help',
      { details: { file, offset, kind: 'manifest' } },
    )
  }

  #toJson(name: string, value: unknown): JsonValue {
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
    if (typeof value === 'number') return value
    if (Array.isArray(value)) return value.map((item: unknown) => this.#toJson(name, item))
    if (typeof value !== 'object') throw this.damage({ member: name, what: 'is no JSON' })
    const members = Object.entries(value).map(
      ([member, item]: [string, unknown]) => [member, this.#toJson(name, item)] as const,
    )
    return Object.fromEntries(members)
  }

  #array(name: string): readonly unknown[] {
    const value: unknown = this.#members.get(name)
    if (!Array.isArray(value)) throw this.damage({ member: name, what: 'is no list' })
    return value
  }
}
