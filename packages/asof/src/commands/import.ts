import type { Command } from '../command.ts'
import { usageFailure } from '../failure.ts'
import { pathOptions } from '../part-paths.ts'
import { suggest } from '../suggestion.ts'
import { factsOptions, runFactsImport } from './import-facts.ts'
import { gitOptions, runGitImport } from './import-git.ts'

const usage = 'git REPO --into DIR [--ref BRANCH]\n  asof import facts FILE … --into DIR [options]'

/** A command that goes on in the next line, as shells have it. */
const continued = ' \\\n      '

export const importCommand: Command = {
  name: 'import',
  summary: 'takes over the history of a git repository, or files of dated facts',
  usage,
  examples: [
    { command: 'asof import git . --into history', meaning: 'the history of this repository' },
    {
      command: 'asof import facts facts.csv --into facts',
      meaning: 'columns named in its first row',
    },
    {
      command: [
        'asof import facts people.jsonl --into facts',
        '--columns subject=who,relation=is,object=what,from=since',
      ].join(continued),
      meaning: 'JSON lines with other names; without an end a fact holds for ever',
    },
    {
      command:
        'asof import facts train.txt --into facts --year --open-end 3000 --where "relation<24"',
      meaning: 'years, both inclusive; 3000 means: still holds',
    },
    {
      command: [
        'asof import facts events.txt --into events',
        '--columns subject=0,relation=1,object=2,from=3 --time hour --zero 2014-01-01 --lasts day',
      ].join(continued),
      meaning: 'hours since a day; each fact holds for a day',
    },
    {
      command: 'asof import git . --into history --log-directory /fast/log',
      meaning: 'a new database with its log on another disk; later commands find it by themselves',
    },
  ],
  details: [
    [
      'An import that was stopped, by whatever, goes on where it stopped when the same command is',
      'run again.',
    ].join('\n'),
    [
      'git: each commit becomes one commit of the database. What it changes holds from its author',
      'date on; it was known from its committer date on, as far as those dates increase.',
    ].join('\n'),
    [
      'facts: rows of subject, relation, object, from and to. The same subject, relation, object',
      'and start are the same fact: stated again with another end, it is corrected, and both',
      'beliefs stay in its provenance.',
    ].join('\n'),
  ],
  options: {
    into: { type: 'string', value: 'DIR', help: 'folder of the database; made when missing' },
    json: { type: 'boolean', help: 'the summary as JSON' },
    quiet: { type: 'boolean', short: 'q', help: 'no progress' },
    ...pathOptions,
    ...gitOptions,
    ...factsOptions,
  },
  async run(input, context) {
    const [kind] = input.positionals
    if (kind === 'git') return runGitImport(input, context)
    if (kind === 'facts') return runFactsImport(input, context)
    const meant = kind === undefined ? undefined : suggest(kind, ['git', 'facts'])
    throw usageFailure(
      kind === undefined ? 'import what: git or facts?' : `there is no import of '${kind}'`,
      {
        hint:
          meant === undefined
            ? 'asof import --help shows examples'
            : `did you mean asof import ${meant}?`,
      },
    )
  },
}
