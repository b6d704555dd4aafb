import { relocate } from 'asofdb'
import type { Command } from '../command.ts'
import { exitCodes } from '../failure.ts'
import { jsonText } from '../output/json.ts'
import { pathOptions, pathsOf } from '../part-paths.ts'
import { mustBeAtMost, mustHaveFolder, readOptions } from '../session.ts'

const usage = 'DIR [--log-directory DIR] [--checkpoint-directory DIR]'

export const relocateCommand: Command = {
  name: 'relocate',
  summary: 'tells a database where its log or its checkpoints are, after a move',
  usage,
  examples: [
    {
      command: 'mv history/log /fast/log',
      meaning: 'first move the directory, while nobody has the database open',
    },
    {
      command: 'asof relocate history --log-directory /fast/log',
      meaning: 'then say where it is now',
    },
    {
      command: 'asof relocate history',
      meaning: 'the database itself was moved; the others are where they were',
    },
  ],
  details: [
    'Moves nothing and reads nothing of it: it writes where things are into the file PATHS of\n' +
      'the database, and whose they are into the file OWNER of each directory elsewhere. asof\n' +
      'verify then says whether everything is there. To bring one back, move it to DIR/log or\n' +
      'DIR/checkpoint and give --log-directory log or --checkpoint-directory checkpoint.',
    'When a directory is lost for good, give an empty one in its place; asof recover says what\n' +
      'is left. Until it has repaired anything, nothing is lost by trying.',
  ],
  options: { ...pathOptions, json: readOptions.json },
  async run(input, { terminal }) {
    const folder = mustHaveFolder(input, `relocate ${usage}`)
    mustBeAtMost(input, 1, `relocate ${usage}`)
    const report = await relocate(folder, pathsOf(input))
    const { logDirectory, checkpointDirectory } = report
    const lines = [
      `${folder}`,
      `  log          ${logDirectory}`,
      `  checkpoints  ${checkpointDirectory}`,
      '  asof verify says whether everything is there',
    ]
    terminal.write(input.flag('json') ? jsonText(report) : `${lines.join('\n')}\n`)
    return exitCodes.ok
  },
}
