/** The process of one task: its name, its folder, its sizes; prints the answer as JSON. */
import { findTask } from './tasks.ts'

const [name = '', folder = '', ...sizes] = process.argv.slice(2)
const task = findTask(name)
if (task === undefined) throw new Error(`there is no task '${name}'`)
const answer = await task(folder, sizes.map(Number))
process.stdout.write(`${JSON.stringify(answer)}\n`)
