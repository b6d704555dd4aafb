import type { Node, Transaction, View } from 'asofdb'

interface Person {
  readonly id: number
  readonly names: string[]
  readonly emails: string[]
}

/**
 * Who is who: one person for every name and address that belong together. An author is looked up
 * by address first, then by full name; what is not known of them yet is added. Two people once
 * taken apart stay apart, even if a later commit has the name of one and the address of the other.
 */
export class People {
  readonly #byEmail = new Map<string, Person>()
  readonly #byName = new Map<string, Person>()

  /** Everyone the database knows. */
  static read(view: View): People {
    const people = new People()
    for (const node of view.nodes('Person')) people.#remember(toPerson(node))
    return people
  }

  get count(): number {
    return new Set([...this.#byEmail.values(), ...this.#byName.values()]).size
  }

  /** The node of an author, created or completed as needed. */
  find(tx: Transaction, author: { readonly name: string; readonly email: string }): number {
    const name = author.name.trim()
    const email = author.email.trim()
    const known = this.#byEmail.get(emailKey(email)) ?? this.#byName.get(nameKey(name))
    return known === undefined
      ? this.#create(tx, { name, email })
      : this.#complete(tx, known, { name, email })
  }

  #create(tx: Transaction, author: { readonly name: string; readonly email: string }): number {
    const { name, email } = author
    const emails = email === '' ? [] : [email]
    const { id } = tx.createNode('Person', { name: name === '' ? email : name, emails }, always)
    this.#remember({ id, names: [name], emails })
    return id
  }

  #complete(
    tx: Transaction,
    person: Person,
    author: { readonly name: string; readonly email: string },
  ): number {
    const { name, email } = author
    if (email !== '' && !this.#byEmail.has(emailKey(email))) {
      person.emails.push(email)
      tx.patch(person.id, { emails: [...person.emails] }, always)
      this.#byEmail.set(emailKey(email), person)
    }
    if (name !== '' && !this.#byName.has(nameKey(name))) {
      person.names.push(name)
      tx.patch(person.id, { aliases: person.names.slice(1) }, always)
      this.#byName.set(nameKey(name), person)
    }
    return person.id
  }

  #remember(person: Person): void {
    for (const email of person.emails) this.#byEmail.set(emailKey(email), person)
    for (const name of person.names) if (name !== '') this.#byName.set(nameKey(name), person)
  }
}

const always = { valid: 'always' } as const

function toPerson(node: Node): Person {
  const name = node.get('name')
  const names = [typeof name === 'string' ? name : '', ...texts(node.get('aliases'))]
  return { id: node.id, names, emails: texts(node.get('emails')) }
}

function texts(value: unknown): string[] {
  if (!Array.isArray(value)) return []
  return value.filter((one): one is string => typeof one === 'string')
}

/** Addresses differ in case without being different, as git's mailmap has it. */
function emailKey(email: string): string {
  return email.toLowerCase()
}

function nameKey(name: string): string {
  return name.toLowerCase()
}
