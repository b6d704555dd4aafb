/** Opens the database of the first argument, says so, and holds it until it is killed. */
import { open } from 'asofdb'

const path = process.argv[2]
if (path === undefined) throw new Error('give the path of a database')
const db = await open(path)
process.stdout.write(`held ${db.path}\n`)
setInterval(() => undefined, 1_000)
